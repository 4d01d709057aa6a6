//! Reads documents in a separate process with a memory limit, which can be killed.

use std::{
    fs,
    io::{self, BufRead, BufReader, BufWriter, Read as _, Write},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rustix::{
    io::Errno,
    net::{SendFlags, send},
    process::{Resource, Rlimit, setrlimit},
};
use serde::{Deserialize, Serialize};

use super::{Document, Limits, ReadError, extract};

/// The command of `hoidap-index` that serves reads.
const COMMAND: &str = "read-documents";

/// How much longer than a document's time limit a reply is awaited.
const REPLY_GRACE: Duration = Duration::from_secs(5);

/// Largest reply: the longest text with every character escaped, and its blocks.
const MAX_REPLY_BYTES: u64 = 1 << 30;

/// Address space beyond the memory limit: the stack of the parsing thread, and the allocator's arenas.
const RESERVED_ADDRESS_BYTES: u64 = 768 << 20;

/// A request to read a file; the file's bytes follow.
#[derive(Debug, Serialize, Deserialize)]
struct ReadRequest {
    name: PathBuf,
    bytes: usize,
}

/// The reply to a request.
#[derive(Debug, Serialize, Deserialize)]
enum ReadReply {
    Text(Box<Document>),
    LeftOut {
        reason: String,
        /// Whether the process ends after this reply.
        last: bool,
    },
}

/// Reads documents one after the other in a separate process of the given program (`hoidap-index`). A document that takes too
/// long or needs too much memory only ends that process; the next one gets a new process.
#[derive(Debug)]
pub struct IsolatedReader {
    program: PathBuf,
    limits: Limits,
    memory: u64,
    process: Mutex<Option<ReaderProcess>>,
}

#[derive(Debug)]
struct ReaderProcess {
    child: Child,
    replies: BufReader<UnixStream>,
}

impl IsolatedReader {
    /// Creates a reader; no process is started yet. `memory` is the process's memory limit, in bytes.
    pub fn new(program: PathBuf, limits: Limits, memory: u64) -> Self {
        Self { program, limits, memory, process: Mutex::new(None) }
    }

    /// Extracts the text of a file by its extension.
    ///
    /// # Errors
    /// [`ReadError`] when the file is damaged, holds no text, takes too long or needs too much memory.
    pub fn extract(&self, name: &Path, bytes: &[u8]) -> Result<Document, ReadError> {
        let mut slot = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let mut process = match slot.take() {
            Some(process) => process,
            None => self.start()?,
        };
        match process.ask(name, bytes) {
            Ok(ReadReply::Text(document)) => {
                *slot = Some(process);
                Ok(*document)
            }
            Ok(ReadReply::LeftOut { reason, last }) => {
                if !last {
                    *slot = Some(process);
                }
                Err(ReadError::ReaderProcess(reason))
            }
            Err(_) => Err(ReadError::ReaderProcess(format!(
                "cannot be read: the process that read it ended ({}); it may need more memory than \
                 indices.max_read_memory_bytes ({} bytes)",
                process.end_status(),
                self.memory
            ))),
        }
    }

    fn start(&self) -> io::Result<ReaderProcess> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_read_timeout(Some(Duration::from_secs(self.limits.seconds) + REPLY_GRACE))?;
        let child = Command::new(&self.program)
            .arg(COMMAND)
            .args(["--memory", &self.memory.to_string()])
            .args(["--seconds", &self.limits.seconds.to_string()])
            .args(["--chars", &self.limits.chars.to_string()])
            .args(["--bytes", &self.limits.bytes.to_string()])
            .stdin(OwnedFd::from(theirs.try_clone()?))
            .stdout(OwnedFd::from(theirs))
            .stderr(Stdio::null())
            .spawn()?;
        Ok(ReaderProcess { child, replies: BufReader::new(ours) })
    }
}

impl ReaderProcess {
    fn ask(&mut self, name: &Path, bytes: &[u8]) -> io::Result<ReadReply> {
        let mut request = serde_json::to_vec(&ReadRequest { name: name.to_path_buf(), bytes: bytes.len() })?;
        request.push(b'\n');
        self.send(&request)?;
        self.send(bytes)?;
        let mut reply = Vec::new();
        (&mut self.replies).take(MAX_REPLY_BYTES).read_until(b'\n', &mut reply)?;
        Ok(serde_json::from_slice(&reply)?)
    }

    /// Sends without SIGPIPE, which would end this process when the other one is gone.
    fn send(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match send(self.replies.get_ref(), bytes, SendFlags::NOSIGNAL) {
                Ok(sent) => bytes = &bytes[sent..],
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn end_status(mut self) -> String {
        self.kill_and_wait().map_or_else(|error| error.to_string(), |status| status.to_string())
    }

    fn kill_and_wait(&mut self) -> io::Result<ExitStatus> {
        // It may have ended already.
        let _ = self.child.kill();
        self.child.wait()
    }
}

impl Drop for ReaderProcess {
    fn drop(&mut self) {
        // There is nobody to report an error to.
        let _ = self.kill_and_wait();
    }
}

/// Serves the requests of an [`IsolatedReader`] until it is gone. After a document that took too long this returns, and the
/// process must end: that ends the thread that is still parsing.
///
/// # Errors
/// When the memory limit cannot be set, or a request is invalid.
pub fn serve_reads(limits: Limits, memory: u64) -> io::Result<()> {
    let most = Some(address_space()? + RESERVED_ADDRESS_BYTES + memory);
    setrlimit(Resource::As, Rlimit { current: most, maximum: most })?;
    // A parser's panic message is not printed; the reply says what is wrong.
    std::panic::set_hook(Box::new(|_| {}));
    let mut requests = io::stdin().lock();
    let mut replies = BufWriter::new(io::stdout().lock());
    let mut line = String::new();
    while requests.read_line(&mut line)? > 0 {
        let request: ReadRequest = serde_json::from_str(&line)?;
        if request.bytes as u64 > limits.bytes {
            return Err(io::Error::other("a document is larger than it may be"));
        }
        let mut bytes = vec![0; request.bytes];
        requests.read_exact(&mut bytes)?;
        let read = extract(&request.name, bytes, limits);
        let last = matches!(read, Err(ReadError::TooSlow(_)));
        let reply = match read {
            Ok(document) => ReadReply::Text(Box::new(document)),
            Err(error) => ReadReply::LeftOut { reason: error.to_string(), last },
        };
        serde_json::to_writer(&mut replies, &reply)?;
        replies.write_all(b"\n")?;
        replies.flush()?;
        if last {
            break;
        }
        line.clear();
    }
    Ok(())
}

/// The mapped address space of this process, in bytes. Libraries reserve more of it on machines with more cores.
fn address_space() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmSize:")?.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes
        .map(|kilobytes| kilobytes << 10)
        .ok_or_else(|| io::Error::other("/proc/self/status has no VmSize"))
}
