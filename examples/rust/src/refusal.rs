//! A call that did not bring what it was made for, in one line: code, reason, sentence.

use std::fmt;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::types::ErrorInfo;

#[derive(Debug)]
pub struct Refusal(String);

impl Refusal {
    /// By sessiond, or lost on its way.
    pub fn by_status(status: &Status) -> Refusal {
        Refusal(format!("{:?} ({}): {}", status.code(), reason(status), status.message()))
    }

    /// By the connector: it was asked, and this is what came of it.
    pub fn by_connector(status: u32, error: &ErrorInfo) -> Refusal {
        let code = error.unified_details.as_ref().map_or("", |details| details.code());
        let message = error.connector_details.as_ref().map_or("", |details| details.message());

        Refusal(format!("connector {status} ({code}): {message}"))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

/// The word that stays the same from version to version, with what it is about, and the fields that are wrong.
fn reason(status: &Status) -> String {
    let details = status.get_error_details();
    let mut reason = details.error_info().map_or("no reason".to_string(), |info| info.reason.clone());

    for (key, value) in details.error_info().map(|info| &info.metadata).into_iter().flatten() {
        reason += &format!(" {key}={value}");
    }
    for field in details.bad_request().map(|request| &request.field_violations).into_iter().flatten() {
        reason += &format!(", {} {}", field.field, field.description);
    }
    reason
}

/// How long to wait before the same call is made again; None: again it would be answered the same. sessiond gives a time where
/// that helps. What it has not said at all was lost on its way.
pub fn pause(status: &Status) -> Option<Duration> {
    let details = status.get_error_details();
    let lost = matches!(
        status.code(),
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown | Code::Internal
    );

    if let Some(retry) = details.retry_info() {
        return Some(retry.retry_delay.unwrap_or_default());
    }
    (lost && details.error_info().is_none()).then_some(Duration::from_millis(200))
}
