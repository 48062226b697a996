//! The S3 service of one core: from an HTTP request to its answer.
//!
//! The order is fixed: parse the name, find the operation, authenticate, authorize, only then look
//! anything up. Whatever fails on the way is answered as AWS's XML.

use crate::base::Timestamp;
use crate::http::{Answer, Chunk, Close, Exchange, FramingError, Handler, Head, Stream};
use crate::io::{Clock, Disk};
use crate::namespace::{Credential, Credentials};
use crate::s3::access::{Caller, Principal};
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::head::RequestHead;
use crate::s3::headers;
use crate::s3::ops::{self, Context, Incoming, Response};
use crate::s3::path::ResourcePath;
use crate::s3::query::Query;
use crate::s3::reply::{RequestId, RequestIds, send};
use crate::s3::route;
use crate::s3::sigv4::{Authenticated, Identity, Secrets, Verifier};
use crate::shard::Core;
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

    async fn answer<S: Stream>(
        &self,
        exchange: &mut Exchange<'_, S>,
    ) -> (Result<Response<D>>, String) {
        let http = exchange.head();
        let head = HttpHead(http);
        let host = http.header("host").unwrap_or_default();
        let path = match ResourcePath::parse(http.raw_path(), host, &self.settings.domains) {
            Ok(path) => path,
            Err(error) => return (Err(error), raw_resource(&http)),
        };
        let answer = self.answer_for(exchange, &head, &path).await;
        (answer, path.resource())
    }

    async fn answer_for<S: Stream>(
        &self,
        exchange: &mut Exchange<'_, S>,
        head: &HttpHead<'_>,
        path: &ResourcePath,
    ) -> Result<Response<D>> {
        let query = Query::parse(head.raw_query())?;
        // The table looks nothing up, so it may refuse before anybody is authenticated.
        let operation = route::route(head, path.level(), &query)?;
        let mut authenticated = self.authenticate(head, &query)?;
        let demands = headers::demands(head)?;
        let payload = authenticated.take_payload();
        let caller = match authenticated.into_identity() {
            Identity::User(user) => Caller::User(user),
            Identity::Anonymous => Caller::Anonymous,
        };
        let context = Context {
            core: &self.core,
            settings: &self.settings,
            head: *head,
            demands,
            operation,
            path,
            query: &query,
            caller: &caller,
        };
        let body = Incoming::new(exchange, payload, operation.body());
        ops::dispatch(&context, body).await
    }

    fn authenticate(
        &self,
        head: &HttpHead<'_>,
        query: &Query<'_>,
    ) -> Result<Authenticated<Principal>> {
        let now = self.core.clock().now();
        let mut failure = None;
        let verified = self.verifier.verify(head, query, now, |access_key| {
            match self.credentials.get(self.core.names(), access_key) {
                Ok(found) => found.map(|credential| {
                    let principal = Principal {
                        name: credential.user,
                        id: credential.id,
                        admin: credential.admin,
                        groups: credential.groups.clone(),
                        tenant: credential.tenant,
                        tenant_admin: credential.tenant_admin,
                    };
                    (principal, KnownSecrets { credential, now })
                }),
                Err(error) => {
                    failure = Some(error);
                    None
                }
            }
        });
        if let Some(error) = failure {
            tracing::error!(%error, "users cannot be read");
            return Err(ErrorCode::InternalError.into());
        }
        verified
    }
}

impl<D: Disk, C: Clock> Handler for Service<D, C> {
    async fn handle<S: Stream>(
        &self,
        exchange: &mut Exchange<'_, S>,
    ) -> std::result::Result<(), Close> {
        let id = self.ids.next();
        let (answer, resource) = self.answer(exchange).await;
        match answer {
            Ok(response) => send(exchange, response, id, self.core.sending()).await,
            Err(error) => send_error(exchange, &error, &resource, id).await,
        }
    }

    fn framing_error(&self, error: FramingError) -> Answer {
        let id = self.ids.next().to_string();
        let code = match error {
            FramingError::HeadTooLarge => ErrorCode::RequestHeaderSectionTooLarge,
            FramingError::HeadTimeout | FramingError::BodyTimeout => ErrorCode::RequestTimeout,
            FramingError::BadChunk => ErrorCode::IncompleteBody,
            _ => ErrorCode::BadRequest,
        };
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

fn raw_resource(head: &Head<'_>) -> String {
    String::from_utf8_lossy(head.raw_path()).into_owned()
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
        // httparse admits ASCII tokens only.
        std::str::from_utf8(self.0.method()).unwrap_or("")
    }

    fn raw_path(&self) -> &[u8] {
        self.0.raw_path()
    }

    fn raw_query(&self) -> &[u8] {
        self.0.raw_query().unwrap_or_default()
    }

    fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0
            .headers()
            .map(|(name, value)| (std::str::from_utf8(name).unwrap_or(""), value))
    }
}
