//! A request as a test states it.

use bytes::{BufMut as _, Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Uri};

/// A request: what is asked for, with which headers and body.
#[derive(Clone, Debug)]
pub struct Call {
    method: Method,
    path: String,
    host: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Call {
    /// A GET of path and query, from the host `localhost`.
    #[must_use]
    pub fn get(path: &str) -> Self {
        Self {
            method: Method::GET,
            path: path.to_owned(),
            host: "localhost".to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// A POST of a body.
    #[must_use]
    pub fn post(path: &str, body: impl Into<Bytes>) -> Self {
        Self { method: Method::POST, body: body.into(), ..Self::get(path) }
    }

    /// A unary gRPC call of `/package.Service/Method` with one message; to be sent over HTTP/2.
    #[must_use]
    pub fn grpc(path: &str, message: &[u8]) -> Self {
        let mut framed = BytesMut::with_capacity(message.len() + 5);
        framed.put_u8(0);
        framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
        framed.put_slice(message);
        Self::post(path, framed.freeze()).header("content-type", "application/grpc").header("te", "trailers")
    }

    /// Another method.
    #[must_use]
    pub fn method(self, method: Method) -> Self {
        Self { method, ..self }
    }

    /// Another host: `host` over HTTP/1.1, `:authority` over HTTP/2.
    #[must_use]
    pub fn host(self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self }
    }

    /// One more header line; a name may be repeated, a value may hold bytes above 0x7F.
    ///
    /// # Panics
    /// When a client library would refuse to send it; see [`crate::raw`] for such bytes.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let value = HeaderValue::from_bytes(value)
            .unwrap_or_else(|error| panic!("{name}: {}: {error}", value.escape_ascii()));
        self.headers.append(name, value);
        self
    }

    /// The head as HTTP/1.1 writes it, byte for byte.
    #[must_use]
    pub fn head(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path).into_bytes();
        if !self.headers.contains_key(header::HOST) {
            head.extend_from_slice(format!("host: {}\r\n", self.host).as_bytes());
        }
        for (name, value) in &self.headers {
            head.extend_from_slice(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        head.extend_from_slice(b"\r\n");
        head
    }

    /// As HTTP/1.1 sends it: a path, and the host among the headers.
    pub(crate) fn http1(self) -> Result<Request<Bytes>, http::Error> {
        let Self { method, path, host, headers, body } = self;
        let mut request = Request::builder().method(method).uri(path).body(body)?;
        *request.headers_mut() = headers;
        // A test that gives `host` as a header means that one.
        if !request.headers().contains_key(header::HOST) {
            request.headers_mut().insert(header::HOST, HeaderValue::from_str(&host)?);
        }
        Ok(request)
    }

    /// As HTTP/2 sends it: the host within the URI.
    pub(crate) fn http2(self) -> Result<Request<Bytes>, http::Error> {
        let Self { method, path, host, headers, body } = self;
        let uri = Uri::builder().scheme("http").authority(host).path_and_query(path).build()?;
        let mut request =
            Request::builder().method(method).version(http::Version::HTTP_2).uri(uri).body(body)?;
        *request.headers_mut() = headers;
        Ok(request)
    }
}
