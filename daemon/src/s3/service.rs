//! The S3 service of one core: from an HTTP request to its answer.
//!
//! The order is fixed: parse the name, find the operation, authenticate, authorize, only then look
//! anything up. Whatever fails on the way is answered as AWS's XML.

mod form;

use crate::base::Timestamp;
use crate::http::{Answer, Chunk, Close, Exchange, FramingError, Handler, Head, Stream};
use crate::io::{Clock, Disk};
use crate::namespace::{Credential, Credentials, ReadError};
use crate::s3::access::{Caller, Principal};
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::head::RequestHead;
use crate::s3::headers;
use crate::s3::observe::{End, Observation};
use crate::s3::ops::{self, Context, Incoming, Response};
use crate::s3::path::ResourcePath;
use crate::s3::query::Query;
use crate::s3::reply::{RequestId, RequestIds, Unsent, send};
use crate::s3::route::{self, Operation};
use crate::s3::sigv4::{Authenticated, Secrets, Verifier};
use crate::shard::Core;
use core::net::SocketAddr;
use std::rc::Rc;

/// Settings of the S3 service.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The region that signatures name and buckets are in.
    pub region: String,
    /// Host names for virtual-host style, in lower case.
    pub domains: Vec<String>,
}

/// The S3 service of one core.
pub struct Service<D: Disk, C: Clock> {
    core: Rc<Core<D, C>>,
    settings: Settings,
    verifier: Verifier,
    ids: RequestIds,
    credentials: Credentials,
}

impl<D: Disk, C: Clock> Service<D, C> {
    /// A service on this core.
    #[must_use]
    pub fn new(core: Rc<Core<D, C>>, settings: Settings) -> Self {
        let ids = RequestIds::new(core.index(), core.clock().now());
        let verifier = Verifier::new(&settings.region);
        Self {
            core,
            settings,
            verifier,
            ids,
            credentials: Credentials::default(),
        }
    }

    async fn answer_for<S: Stream>(
        &self,
        exchange: &mut Exchange<'_, S>,
        head: &HttpHead<'_>,
        path: &ResourcePath<'_>,
        observed: &Observation,
    ) -> Result<Response<D>> {
        let query = Query::parse(head.raw_query())?;
        // The table looks nothing up, so it may refuse before anybody is authenticated.
        let operation = route::route(head, path.level(), &query)?;
        observed.operation(operation);
        if operation == Operation::PostObject {
            return Box::pin(self.answer_form(exchange, head, path, &query, observed)).await;
        }
        let mut authenticated = self.authenticate(head, &query, observed)?;
        let demands = headers::demands(head)?;
        let payload = authenticated.take_payload();
        let caller = Caller::from(authenticated.into_identity());
        observed.caller(&caller);
        let context = Context {
            core: &self.core,
            settings: &self.settings,
            head: *head,
            demands,
            operation,
            path,
            query: &query,
            caller: &caller,
            observed,
        };
        let body = Incoming::new(exchange, payload, operation.body());
        ops::dispatch(&context, body).await
    }

    fn authenticate(
        &self,
        head: &HttpHead<'_>,
        query: &Query<'_>,
        observed: &Observation,
    ) -> Result<Authenticated<Principal>> {
        let now = observed.time();
        let mut failure = None;
        let verified = self.verifier.verify(head, query, now, |access_key| {
            self.known(access_key, observed, &mut failure)
        });
        no_failure(failure)?;
        verified
    }

    /// Whose access key it is, and the secrets that go with it; nobody's when the look-up fails.
    fn known(
        &self,
        access_key: &str,
        observed: &Observation,
        failure: &mut Option<ReadError>,
    ) -> Option<(Principal, KnownSecrets)> {
        observed.access_key(access_key);
        let found = self.credentials.get(self.core.names(), access_key);
        let credential = found.unwrap_or_else(|error| {
            *failure = Some(error);
            None
        })?;
        let principal = Principal {
            name: credential.user,
            id: credential.id,
            admin: credential.admin,
            groups: credential.groups.clone(),
            tenant: credential.tenant,
            tenant_admin: credential.tenant_admin,
        };
        let now = observed.time();
        Some((principal, KnownSecrets { credential, now }))
    }
}

/// A look-up that failed is nobody's fault but ours.
fn no_failure(failure: Option<ReadError>) -> Result<()> {
    match failure {
        None => Ok(()),
        Some(error) => {
            tracing::error!(%error, "users cannot be read");
            Err(ErrorCode::InternalError.into())
        }
    }
}

impl<D: Disk, C: Clock> Handler for Service<D, C> {
    async fn handle<S: Stream>(
        &self,
        exchange: &mut Exchange<'_, S>,
    ) -> std::result::Result<(), Close> {
        let id = self.ids.next();
        let observed = Observation::begin(&self.core, id, exchange.peer());
        let head = HttpHead(exchange.head());
        let host = head.0.header("host").unwrap_or_default();
        let path = ResourcePath::parse(head.0.raw_path(), host, &self.settings.domains);
        let (answer, path) = match path {
            Ok(path) => {
                let answer = self.answer_for(exchange, &head, &path, &observed).await;
                (answer, Some(path))
            }
            Err(error) => (Err(error), None),
        };
        let (mut status, mut code) = match &answer {
            Ok(response) => (response.status, None),
            Err(error) => (error.status(), Some(error.code)),
        };
        let refused = match answer {
            Ok(response) => match send(exchange, response, id, self.core.sending()).await {
                Ok(()) => Ok(()),
                Err(Unsent::Closed(close)) => Err(Refusal::Sent(close)),
                Err(Unsent::Unreadable) => Err(Refusal::Say(ErrorCode::InternalError.into())),
            },
            Err(error) => Err(Refusal::Say(error)),
        };
        let sent = match refused {
            Ok(()) => Ok(()),
            Err(Refusal::Sent(close)) => Err(close),
            Err(Refusal::Say(error)) => {
                (status, code) = (error.status(), Some(error.code));
                let resource = match &path {
                    Some(path) => path.resource(),
                    None => String::from_utf8_lossy(head.0.raw_path()).into_owned(),
                };
                send_error(exchange, &error, &resource, id).await
            }
        };
        observed.finish(
            &self.core,
            &End {
                path: path.as_ref(),
                raw_path: head.0.raw_path(),
                status,
                code,
                bytes_in: exchange.bytes_received(),
                bytes_out: exchange.bytes_sent(),
                cut_off: sent.is_err(),
            },
        );
        sent
    }

    fn framing_error(&self, error: FramingError, peer: SocketAddr) -> Answer {
        let id = self.ids.next();
        let observed = Observation::begin(&self.core, id, peer);
        let code = match error {
            FramingError::HeadTooLarge => ErrorCode::RequestHeaderSectionTooLarge,
            FramingError::HeadTimeout | FramingError::BodyTimeout => ErrorCode::RequestTimeout,
            FramingError::BadChunk => ErrorCode::IncompleteBody,
            _ => ErrorCode::BadRequest,
        };
        let end = End {
            path: None,
            raw_path: b"",
            status: error.status(),
            code: Some(code),
            bytes_in: 0,
            bytes_out: 0,
            cut_off: false,
        };
        observed.finish(&self.core, &end);
        let id = id.to_string();
        let body = S3Error::new(code, error.to_string()).to_xml("", &id);
        let fields = vec![
            ("x-amz-request-id", id),
            ("Content-Type", "application/xml".to_owned()),
        ];
        Answer {
            status: error.status(),
            fields,
            body,
        }
    }
}

/// What became of an answer that was not sent as it was meant.
enum Refusal {
    /// An error is to be sent instead.
    Say(S3Error),
    /// It was begun, and the connection is of no further use.
    Sent(Close),
}

async fn send_error<S: Stream>(
    exchange: &mut Exchange<'_, S>,
    error: &S3Error,
    resource: &str,
    id: RequestId,
) -> std::result::Result<(), Close> {
    let id = id.to_string();
    let status = error.status();
    let document = if exchange.method() == b"HEAD" {
        Vec::new()
    } else {
        error.to_xml(resource, &id)
    };
    let fields = [
        ("x-amz-request-id", id.as_str()),
        ("Content-Type", "application/xml"),
    ];
    exchange
        .respond(status, &fields, Chunk::Owned(document))
        .await
}

/// The secrets of an access key, as the verifier takes them.
struct KnownSecrets {
    credential: Rc<Credential>,
    now: Timestamp,
}

impl Secrets for KnownSecrets {
    fn current(&self) -> &[u8] {
        self.credential.secret.expose().as_bytes()
    }

    fn previous(&self) -> Option<&[u8]> {
        let (secret, until) = self.credential.previous.as_ref()?;
        (*until > self.now).then(|| secret.expose().as_bytes())
    }
}

/// The HTTP layer's head, as the S3 layer reads it.
#[derive(Clone, Copy, Debug)]
pub struct HttpHead<'a>(pub Head<'a>);

impl RequestHead for HttpHead<'_> {
    fn method(&self) -> &str {
        match self.0.method() {
            b"GET" => "GET",
            b"PUT" => "PUT",
            b"HEAD" => "HEAD",
            // httparse admits ASCII tokens only.
            other => std::str::from_utf8(other).unwrap_or(""),
        }
    }

    fn raw_path(&self) -> &[u8] {
        self.0.raw_path()
    }

    fn raw_query(&self) -> &[u8] {
        self.0.raw_query().unwrap_or_default()
    }

    fn headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.headers()
    }

    #[inline(always)]
    fn header(&self, name: &str) -> Option<&[u8]> {
        self.0.header(name)
    }
}
