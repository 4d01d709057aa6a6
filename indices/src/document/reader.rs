//! Reading in a process of its own: it has a bound on its memory, and can be ended.

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

/// The command of `hoidap-index` that reads for another one.
const COMMAND: &str = "read-documents";

/// How much longer than a document may take an answer is waited for.
const GRACE: Duration = Duration::from_secs(5);

/// Longest answer: a text of the greatest length, each character escaped, and its blocks.
const ANSWER_BYTES: u64 = 1 << 30;

/// Addresses that a process needs beside its documents: the stack of the thread that reads, and the arenas of the allocator.
const ROOM: u64 = 768 << 20;

/// A file to read; its bytes follow.
#[derive(Debug, Serialize, Deserialize)]
struct Request {
    name: PathBuf,
    bytes: usize,
}

/// What was read.
#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    Text(Box<Document>),
    LeftOut {
        reason: String,
        /// Whether the process ends after this answer.
        last: bool,
    },
}

/// Reads documents in a process of the given program (`hoidap-index`), one after the other. One that goes on too long, or needs too
/// much memory, ends that process and no other; the next document gets a new one.
#[derive(Debug)]
pub struct Reader {
    program: PathBuf,
    limits: Limits,
    memory: u64,
    process: Mutex<Option<Process>>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    answers: BufReader<UnixStream>,
}

impl Reader {
    /// A reader; no process is started yet. `memory` is what a process may take, in bytes.
    pub fn new(program: PathBuf, limits: Limits, memory: u64) -> Self {
        Self { program, limits, memory, process: Mutex::new(None) }
    }

    /// Extracts the text of a file by its name's ending.
    ///
    /// # Errors
    /// [`ReadError`] when the file is damaged, holds no text, takes too long or needs too much memory.
    pub fn extract(&self, name: &Path, bytes: &[u8]) -> Result<Document, ReadError> {
        let mut place = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let mut process = match place.take() {
            Some(process) => process,
            None => self.start()?,
        };
        match process.ask(name, bytes) {
            Ok(Answer::Text(document)) => {
                *place = Some(process);
                Ok(*document)
            }
            Ok(Answer::LeftOut { reason, last }) => {
                if !last {
                    *place = Some(process);
                }
                Err(ReadError::Reader(reason))
            }
            Err(_) => Err(ReadError::Reader(format!(
                "cannot be read: the process that read it ended ({}); it may need more memory than \
                 indices.max_read_memory_bytes ({} bytes)",
                process.end(),
                self.memory
            ))),
        }
    }

    fn start(&self) -> io::Result<Process> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_read_timeout(Some(Duration::from_secs(self.limits.seconds) + GRACE))?;
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
        Ok(Process { child, answers: BufReader::new(ours) })
    }
}

impl Process {
    fn ask(&mut self, name: &Path, bytes: &[u8]) -> io::Result<Answer> {
        let mut request = serde_json::to_vec(&Request { name: name.to_path_buf(), bytes: bytes.len() })?;
        request.push(b'\n');
        self.send(&request)?;
        self.send(bytes)?;
        let mut answer = Vec::new();
        (&mut self.answers).take(ANSWER_BYTES).read_until(b'\n', &mut answer)?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// Sends without the signal that would end this process when the other one is gone.
    fn send(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match send(self.answers.get_ref(), bytes, SendFlags::NOSIGNAL) {
                Ok(sent) => bytes = &bytes[sent..],
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn end(mut self) -> String {
        self.stop().map_or_else(|error| error.to_string(), |status| status.to_string())
    }

    fn stop(&mut self) -> io::Result<ExitStatus> {
        // It may have ended by itself.
        let _ = self.child.kill();
        self.child.wait()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _ = self.stop();
    }
}

/// Reads documents for a [`Reader`], until it is gone. After one that took too long this returns, and the process must end: that is
/// what ends the thread that is still reading.
///
/// # Errors
/// When the memory cannot be bounded, or what is asked cannot be understood.
pub fn serve(limits: Limits, memory: u64) -> io::Result<()> {
    let most = Some(address_space()? + ROOM + memory);
    setrlimit(Resource::As, Rlimit { current: most, maximum: most })?;
    // What a parser says before it gives up is told by the answer.
    std::panic::set_hook(Box::new(|_| {}));
    let mut requests = io::stdin().lock();
    let mut answers = BufWriter::new(io::stdout().lock());
    let mut line = String::new();
    while requests.read_line(&mut line)? > 0 {
        let request: Request = serde_json::from_str(&line)?;
        if request.bytes as u64 > limits.bytes {
            return Err(io::Error::other("a document is larger than it may be"));
        }
        let mut bytes = vec![0; request.bytes];
        requests.read_exact(&mut bytes)?;
        let read = extract(&request.name, bytes, limits);
        let last = matches!(read, Err(ReadError::TooSlow(_)));
        let answer = match read {
            Ok(document) => Answer::Text(Box::new(document)),
            Err(error) => Answer::LeftOut { reason: error.to_string(), last },
        };
        serde_json::to_writer(&mut answers, &answer)?;
        answers.write_all(b"\n")?;
        answers.flush()?;
        if last {
            break;
        }
        line.clear();
    }
    Ok(())
}

/// The addresses that this process has mapped, in bytes: libraries reserve more of them on machines with more cores.
fn address_space() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmSize:")?.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes
        .map(|kilobytes| kilobytes << 10)
        .ok_or_else(|| io::Error::other("/proc/self/status has no VmSize"))
}
