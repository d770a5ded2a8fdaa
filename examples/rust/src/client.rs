//! The session of one order. Its token stays here: whoever has it may go on with the payment.

use std::future::Future;
use std::time::Duration;

use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};

use crate::refusal::{pause, Refusal};
use crate::sessiond::v1::session_service_client::SessionServiceClient;
use crate::sessiond::v1::{
    AdvanceSessionRequest, BeginStepRequest, BeginStepResponse, EventOutcome, GetSessionRequest, Session, SessionEvent,
};
use crate::types::merchant_authentication_service_client::MerchantAuthenticationServiceClient;
use crate::types::{
    BrowserInformation, MerchantAuthenticationServiceCreateSessionTokenRequest as CreateRequest, Money,
};

pub const USER_AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) example";

/// Which connector is to be paid by, and as whom. Real credentials come from a secret store.
const CONNECTOR: &str = "stripe";
const CONNECTOR_CONFIG: &str = r#"{"config":{"Stripe":{"api_key":"sk_test_x"}}}"#;

const DEADLINE: Duration = Duration::from_secs(10); // of one attempt
const ATTEMPTS: u32 = 5;

pub struct Client {
    creating: MerchantAuthenticationServiceClient<Channel>,
    sessions: SessionServiceClient<Channel>,
    order: String,
    token: String,
}

impl Client {
    /// Plain text, as a sandbox takes it; elsewhere https:// and Endpoint::tls_config, and a caller's key in the metadata.
    pub fn new(address: &str, order: &str) -> Result<Client, tonic::transport::Error> {
        let channel = Endpoint::from_shared(format!("http://{address}"))?.connect_lazy();

        Ok(Client {
            creating: MerchantAuthenticationServiceClient::new(channel.clone()),
            sessions: SessionServiceClient::new(channel),
            order: order.to_string(),
            token: String::new(),
        })
    }

    /// "new", or "known": then an earlier call has made it, and this one has changed nothing.
    pub async fn create(&mut self, amount: Money) -> Result<&'static str, Refusal> {
        let message = CreateRequest {
            merchant_session_id: Some(self.order.clone()),
            amount: Some(amount),
            browser_info: Some(BrowserInformation {
                user_agent: Some(USER_AGENT.to_string()),
                accept_language: Some("en".to_string()),
                ..Default::default()
            }),
            test_mode: Some(true),
            ..Default::default()
        };
        let answer = repeat(|| {
            let mut creating = self.creating.clone();
            let mut request = request(message.clone());
            request.metadata_mut().insert("x-connector", MetadataValue::from_static(CONNECTOR));
            request.metadata_mut().insert("x-connector-config", MetadataValue::from_static(CONNECTOR_CONFIG));
            async move { creating.create_session_token(request).await }
        })
        .await?;
        let known = answer.metadata().contains_key("x-session-replayed");
        let answer = answer.into_inner();

        if let Some(error) = answer.error {
            return Err(Refusal::by_connector(answer.status_code, &error)); // the connector's no is an answer, sessiond's is a status
        }
        self.token = answer.session_token;
        Ok(if known { "known" } else { "new" })
    }

    /// The step's address for the bank, and the handle that belongs to it.
    pub async fn begin_step(&mut self, name: &str, return_url: &str) -> Result<BeginStepResponse, Refusal> {
        let message = BeginStepRequest {
            session_token: self.token.clone(),
            merchant_session_id: self.order.clone(),
            test_mode: Some(true),
            name: name.to_string(),
            return_url: return_url.to_string(),
            event_id: format!("{name}-{}", self.order),
            ..Default::default()
        };
        let answer = repeat(|| {
            let mut sessions = self.sessions.clone();
            let request = request(message.clone());
            async move { sessions.begin_step(request).await }
        })
        .await?
        .into_inner();

        self.keep(&answer.session_token);
        Ok(answer)
    }

    /// As it stands, asked for on behalf of the browser that has come back: it must be the one that left.
    pub async fn get(&mut self) -> Result<Session, Refusal> {
        let mut message = GetSessionRequest {
            session_token: self.token.clone(),
            merchant_session_id: self.order.clone(),
            test_mode: Some(true),
            ..Default::default()
        };
        let browser = message.browser_info.get_or_insert_default();
        browser.user_agent = Some(USER_AGENT.to_string());
        browser.accept_language = Some("en".to_string());
        let answer = repeat(|| {
            let mut sessions = self.sessions.clone();
            let request = request(message.clone());
            async move { sessions.get_session(request).await }
        })
        .await?;

        Ok(answer.into_inner().session.unwrap_or_default())
    }

    pub async fn tell(&mut self, event: SessionEvent) -> Result<Session, Refusal> {
        let message = AdvanceSessionRequest {
            session_token: self.token.clone(),
            merchant_session_id: self.order.clone(),
            test_mode: Some(true),
            event: event.into(),
            event_id: format!("{}-{}", event.as_str_name(), self.order),
            ..Default::default()
        };
        let answer = repeat(|| {
            let mut sessions = self.sessions.clone();
            let request = request(message.clone());
            async move { sessions.advance_session(request).await }
        })
        .await?
        .into_inner();
        let outcome: EventOutcome = answer.outcome();

        self.keep(&answer.session_token);
        println!("told       {}: {}", event.as_str_name(), outcome.as_str_name());
        Ok(answer.session.unwrap_or_default())
    }

    /// Some answers bring a newer token; the older one is refused sooner or later.
    fn keep(&mut self, newer: &str) {
        if !newer.is_empty() {
            self.token = newer.to_string();
        }
    }
}

fn request<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);

    request.set_timeout(DEADLINE);
    request
}

/// Makes a call, and the same call again when it was lost on its way or the server asks for that. Nothing happens twice by it:
/// creates are known by merchant_session_id, all other calls by event_id.
async fn repeat<T, F>(mut call: impl FnMut() -> F) -> Result<Response<T>, Refusal>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    for attempt in 1.. {
        match call().await {
            Ok(answer) => return Ok(answer),
            Err(status) => match pause(&status) {
                Some(pause) if attempt < ATTEMPTS => tokio::time::sleep(pause).await,
                _ => return Err(Refusal::by_status(&status)),
            },
        }
    }
    unreachable!()
}
