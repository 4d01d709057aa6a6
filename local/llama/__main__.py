"""`python local/llama --model FILE [--port N]`: llama.cpp's OpenAI-compatible server, as one of its packages has it."""

import argparse
import os
import signal
import sys
from pathlib import Path

import xllamacpp

SLOTS = 2
"""Answers written at once; further requests wait."""
SLOT_TOKENS = 2048
"""Tokens of prompt and answer together."""
KEY = "LLAMA_API_KEY"
"""The variable with the key that requests must name; without one nobody needs any."""


def parameters(model: Path, port: int, threads: int) -> xllamacpp.CommonParams:
    """The server's settings: greedy, loopback, no web pages of its own, no model but this one."""
    chosen = xllamacpp.CommonParams()
    chosen.model.path = str(model)
    # Read, not mapped: llama.cpp keeps its own form of the weights, and a mapped file would be held beside it.
    chosen.load_mode = xllamacpp.llama_load_mode.LLAMA_LOAD_MODE_NONE
    chosen.model_alias = {model.stem}
    chosen.hostnames = ["127.0.0.1"]
    chosen.port = port
    chosen.use_jinja = True
    chosen.n_parallel = SLOTS
    chosen.n_ctx = SLOTS * SLOT_TOKENS
    chosen.n_predict = 512
    chosen.cpuparams.n_threads = threads
    chosen.cpuparams_batch.n_threads = threads
    chosen.sampling.temp = 0
    chosen.cache_ram_mib = 64  # enough for the instructions in two languages
    chosen.timeout_read = chosen.timeout_write = 120
    chosen.offline = True
    chosen.ui = False
    chosen.endpoint_slots = False
    # No page of another origin may read an answer; with a key none gets one at all.
    chosen.cors_origins, chosen.cors_origins_explicit = "http://127.0.0.1", True
    chosen.api_keys = list(filter(None, [os.environ.get(KEY)]))
    chosen.verbosity = 1
    return chosen


def main() -> int:
    parser = argparse.ArgumentParser(prog="llama", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="a GGUF file")
    parser.add_argument(
        "--port", type=int, default=8081, help="port on 127.0.0.1; 0 picks a free one (default: %(default)s)"
    )
    parser.add_argument("--threads", type=int, default=2, help="threads of the model (default: %(default)s)")
    options = parser.parse_args()
    if not options.model.is_file():
        print(f"there is no model at {options.model}: run ./dev up, which fetches it", file=sys.stderr)
        return 1

    stops = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)  # before the server's threads are made
    try:
        server = xllamacpp.Server(parameters(options.model, options.port, options.threads))
    except RuntimeError:  # llama.cpp has said why by itself
        print(
            f"llama.cpp's server cannot start with {options.model} on port {options.port}: see its message above",
            file=sys.stderr,
        )
        return 1
    print(f"listening on {server.listening_address}", flush=True)
    signal.sigwait(stops)
    os._exit(0)  # taking the server down would wait for the answers in the making, and it has nothing to save


if __name__ == "__main__":
    sys.exit(main())
