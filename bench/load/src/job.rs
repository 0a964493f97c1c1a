//! What is to be uploaded, to whom.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use clap::ValueEnum;
use quinn::crypto::rustls::QuicClientConfig;
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::crypto::{ring, verify_tls12_signature, verify_tls13_signature, CryptoProvider};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{self, ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio_rustls::TlsConnector;

type Error = Box<dyn std::error::Error>;

#[derive(clap::Args)]
pub struct Arguments {
    /// Where the server listens
    #[arg(long)]
    address: SocketAddr,
    #[arg(long, value_enum)]
    protocol: Protocol,
    /// How many uploads at a time; over HTTP/2 and HTTP/3 each is a stream, and 100 share a connection
    #[arg(long, default_value_t = 1)]
    connections: usize,
    #[arg(long, default_value = "/")]
    path: String,
    /// How large a body is, in bytes
    #[arg(long)]
    body: u64,
    /// Declare no length: chunks of 64 KiB, or a stream without Content-Length
    #[arg(long)]
    undeclared: bool,
    /// The only status that counts
    #[arg(long)]
    status: u16,
    /// Stay on the connection as long as the server does
    #[arg(long)]
    keepalive: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Protocol {
    Http1,
    Http1Tls,
    Http2,
    Http2Tls,
    Http3,
}

pub const STREAMS_PER_CONNECTION: usize = 100;

pub struct Job {
    pub address: SocketAddr,
    protocol: Protocol,
    tls: TlsConnector,
    quic: quinn::ClientConfig,
    pub connections: usize,
    pub path: String,
    /// How large a body is, in bytes.
    pub body: u64,
    /// Whether that is declared.
    pub is_declared: bool,
    /// How much of a body to send, if not all, in bytes.
    pub send: Option<u64>,
    pub status: u16,
    pub keepalive: bool,
    /// A request over HTTP/1.
    pub wire: Wire,
}

impl Job {
    pub fn new(arguments: &Arguments, send: Option<u64>) -> Result<Self, Error> {
        let alpn = match arguments.protocol {
            Protocol::Http3 => "h3",
            Protocol::Http2Tls => "h2",
            _ => "http/1.1",
        };
        let tls = Arc::new(tls(alpn)?);
        Ok(Self {
            address: arguments.address,
            protocol: arguments.protocol,
            tls: TlsConnector::from(tls.clone()),
            quic: quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?)),
            connections: arguments.connections,
            path: arguments.path.clone(),
            body: arguments.body,
            is_declared: !arguments.undeclared,
            send,
            status: arguments.status,
            keepalive: arguments.keepalive,
            wire: Wire::new(arguments),
        })
    }

    pub fn is_http2(&self) -> bool {
        matches!(self.protocol, Protocol::Http2 | Protocol::Http2Tls)
    }

    pub fn is_http3(&self) -> bool {
        self.protocol == Protocol::Http3
    }

    pub fn is_tls(&self) -> bool {
        matches!(self.protocol, Protocol::Http1Tls | Protocol::Http2Tls)
    }

    /// How many tasks do it: one for each connection.
    pub fn tasks(&self) -> usize {
        if self.is_http2() || self.is_http3() {
            self.connections.div_ceil(STREAMS_PER_CONNECTION)
        } else {
            self.connections
        }
    }

    /// How many streams a connection has.
    pub fn streams(&self, number: usize) -> usize {
        STREAMS_PER_CONNECTION.min(self.connections.saturating_sub(number * STREAMS_PER_CONNECTION))
    }

    /// Opens a connection; `turn` picks where from.
    pub async fn connect(&self, turn: usize) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        // Many sources: an address has no more than some 28,000 ports, and a port rests for a minute.
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::from((Ipv4Addr::new(127, 1, (turn % 250) as u8, 1), 0)))?;
        let stream = socket.connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Opens a connection over QUIC.
    pub async fn connect_quic(&self) -> Result<quinn::Connection, Error> {
        let endpoint = quinn::Endpoint::client(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        Ok(endpoint.connect_with(self.quic.clone(), self.address, "localhost")?.await?)
    }

    pub async fn secure(&self, stream: TcpStream) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        self.tls.connect(ServerName::from(self.address.ip()), stream).await
    }
}

/// A request over HTTP/1 as it is sent: a start, a piece that repeats, an end.
pub struct Wire {
    start: Bytes,
    piece: Bytes,
    repeat: u64,
    end: Bytes,
    /// Where the body begins.
    pub head: u64,
}

const PIECE: u64 = 1 << 20;
const CHUNK: usize = 1 << 16;

impl Wire {
    fn new(arguments: &Arguments) -> Self {
        let (rest, repeat) = (arguments.body % PIECE, arguments.body / PIECE);
        let length = match arguments.undeclared {
            true => "Transfer-Encoding: chunked".to_owned(),
            false => format!("Content-Length: {}", arguments.body),
        };
        let close = if arguments.keepalive { "" } else { "Connection: close\r\n" };
        let (path, host) = (&arguments.path, &arguments.address);
        let mut start = format!("POST {path} HTTP/1.1\r\nHost: {host}\r\n{close}{length}\r\n\r\n").into_bytes();
        let head = start.len() as u64;
        if !arguments.undeclared {
            start.resize(start.len() + rest as usize, 0);
            return Self {
                start: start.into(),
                piece: vec![0; PIECE as usize].into(),
                repeat,
                end: Bytes::new(),
                head,
            };
        }
        if rest > 0 {
            start.extend(chunk(rest as usize));
        }
        let piece = chunk(CHUNK).repeat(PIECE as usize / CHUNK).into();
        Self { start: start.into(), piece, repeat, end: Bytes::from_static(b"0\r\n\r\n"), head }
    }

    pub fn len(&self) -> u64 {
        self.start.len() as u64 + self.piece.len() as u64 * self.repeat + self.end.len() as u64
    }

    /// What comes at a position, or the next of it.
    pub fn at(&self, position: u64) -> &[u8] {
        const MOST: usize = 1 << 16;
        let Some(behind) = position.checked_sub(self.start.len() as u64) else {
            return &self.start[position as usize..];
        };
        let repeated = self.piece.len() as u64 * self.repeat;
        let piece = match behind.checked_sub(repeated) {
            None => &self.piece[(behind % self.piece.len() as u64) as usize..],
            Some(behind) => &self.end[behind as usize..],
        };
        &piece[..piece.len().min(MOST)]
    }
}

fn chunk(size: usize) -> Vec<u8> {
    let mut chunk = format!("{size:x}\r\n").into_bytes();
    chunk.resize(chunk.len() + size, 0);
    chunk.extend(b"\r\n");
    chunk
}

/// Full handshakes only; whoever has the certificate is believed to be localhost.
fn tls(alpn: &str) -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![alpn.into()];
    Ok(config)
}

#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
