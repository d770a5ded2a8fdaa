//! Stands in for the shopper and the browser: nothing of this belongs into a shop.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use regex::{Captures, Regex};
use reqwest::header::LOCATION;
use reqwest::redirect::Policy;

pub type Form = BTreeMap<String, String>;

pub struct Browser {
    http: reqwest::Client,
}

impl Browser {
    /// Follows no redirect: where it leads is what we want to know.
    pub fn new(user_agent: &str) -> Result<Browser, reqwest::Error> {
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .timeout(Duration::from_secs(30))
            .user_agent(user_agent)
            .no_proxy()
            .build()?;

        Ok(Browser { http })
    }

    /// Opens the bank's page with the shop's form, answers it with the code, and says where that has led in the end.
    pub async fn challenge(&self, bank: &str, form: Form, code: &str) -> Result<String, Box<dyn Error>> {
        let question = self.page(&format!("{bank}/acs/challenge"), &form).await?;
        let mut answer = hidden(&question)?;
        answer.insert("code".into(), code.into());
        let thanks = self.page(&format!("{bank}{}", action(&question)?), &answer).await?; // a form that posts itself to termUrl
        let back = self.http.post(action(&thanks)?).form(&hidden(&thanks)?).send().await?; // to sessiond

        match back.headers().get(LOCATION) {
            Some(location) if back.status() == 303 => Ok(location.to_str()?.to_string()),
            _ => Err(format!("the return URL answered {}", back.status()).into()),
        }
    }

    async fn page(&self, address: &str, form: &Form) -> Result<String, reqwest::Error> {
        self.http.post(address).form(form).send().await?.text().await
    }
}

fn action(page: &str) -> Result<String, Box<dyn Error>> {
    let form = Regex::new(r#"<form [^>]*action="([^"]*)""#)?;

    Ok(form.captures(page).map(|hit| text(&hit[1])).ok_or(format!("a page without a form: {page}"))?)
}

fn hidden(page: &str) -> Result<Form, regex::Error> {
    let input = Regex::new(r#"<input type="hidden" name="([^"]*)" value="([^"]*)">"#)?;

    Ok(input.captures_iter(page).map(|hit| (text(&hit[1]), text(&hit[2]))).collect())
}

/// HTML's character references, of which these pages use the decimal ones.
fn text(html: &str) -> String {
    let reference = Regex::new(r"&#(\d+);").expect("a constant");
    let letter = |hit: &Captures| hit[1].parse().ok().and_then(char::from_u32).unwrap_or('?').to_string();

    reference.replace_all(html, letter).into_owned()
}
