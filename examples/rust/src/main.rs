//! One payment with a 3-D Secure challenge, as a shop's server makes it: create the session, send the browser to the bank, find
//! out what it brought back, tell how the payment went on.
//!
//!     cargo run [ORDER_ID]
//!
//! SESSIOND names the server (127.0.0.1:8080), BANK the simulated bank (http://127.0.0.1:8090).

mod browser;
mod client;
mod refusal;

/// What is generated, each package where its name says.
pub mod types {
    tonic::include_proto!("types");
}
pub mod sessiond {
    pub mod v1 {
        tonic::include_proto!("sessiond.v1");
    }
}

use std::error::Error;

use base64::{engine::general_purpose::URL_SAFE_NO_PAD, Engine};

use browser::{Browser, Form};
use client::{Client, USER_AGENT};
use sessiond::v1::{BeginStepResponse, Session, SessionEvent, SessionStatus};
use types::{Currency, Money};

const SHOP: &str = "http://localhost:3000"; // the sandbox takes any address of this machine

#[tokio::main]
async fn main() {
    let order = std::env::args().nth(1).unwrap_or_else(|| uuid::Uuid::new_v4().to_string());

    if let Err(error) = pay(&order).await {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

async fn pay(order: &str) -> Result<(), Box<dyn Error>> {
    let mut client = Client::new(&setting("SESSIOND", "127.0.0.1:8080"), order)?;
    let amount = Money { minor_amount: 12900, currency: Currency::Eur.into() };

    // Until an answer has come nobody can know whether the session is there. The same call again is always right.
    println!("created    {} {order}", client.create(amount).await?);
    println!("created    {} {order}, as after a lost answer", client.create(amount).await?);

    let step = client.begin_step("three_ds_challenge", &format!("{SHOP}/orders/{order}")).await?;
    println!("sent away  {}", status_of(step.session.as_ref()));
    let bank = setting("BANK", "http://127.0.0.1:8090");
    let came_to = Browser::new(USER_AGENT)?.challenge(&bank, challenge_form(&step, order), "1234").await?;
    println!("came back  {came_to}");

    // That the browser is here proves nothing: what it brought lies in the session.
    let session = client.get().await?;
    if session.status() != SessionStatus::Returned || !passed(&session) {
        end(&client.tell(SessionEvent::Failed).await?);
        return Ok(());
    }
    client.tell(SessionEvent::ChallengePassed).await?; // a new token, the old one ends
    client.tell(SessionEvent::ProcessingStarted).await?; // from here on it cannot be taken back, nor expire

    // Here the shop asks its connector to pay, under an idempotency key made of the order's id.
    end(&client.tell(SessionEvent::Completed).await?);

    // What does not fit any more is refused, with a reason that a program can go by.
    if let Err(refusal) = client.begin_step("too_late", &format!("{SHOP}/orders/{order}")).await {
        println!("refused    {refusal}");
    }
    Ok(())
}

fn end(session: &Session) {
    println!("ended      {}, version {}", session.status().as_str_name(), session.version);
}

fn status_of(session: Option<&Session>) -> &'static str {
    session.map_or("no session", |session| session.status().as_str_name())
}

/// What the shop's page makes the browser post to the bank. The handle opens nothing: it may go through anybody's hands.
fn challenge_form(step: &BeginStepResponse, order: &str) -> Form {
    let id = step.session.as_ref().map_or("", |session| &session.session_id);
    let creq = format!(r#"{{"messageType":"CReq","messageVersion":"2.2.0","threeDSServerTransID":"{id}"}}"#);

    Form::from([
        ("termUrl".into(), step.return_url.clone()),
        ("creq".into(), URL_SAFE_NO_PAD.encode(creq)),
        ("threeDSSessionData".into(), step.step_handle.clone()),
        ("merchantName".into(), "Lakeside Outfitters".into()),
        ("purchase".into(), format!("order {order}")),
    ])
}

/// Only the connector can judge this; a shop hands on what the browser brought. The simulated bank says it plainly.
fn passed(session: &Session) -> bool {
    let cres = session.redirect_result.as_ref().and_then(|result| result.payload.get("cres"));
    let text = cres.and_then(|cres| URL_SAFE_NO_PAD.decode(cres).ok()).unwrap_or_default();

    String::from_utf8_lossy(&text).contains(r#""transStatus":"Y""#)
}

fn setting(name: &str, usual: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| usual.to_string())
}
