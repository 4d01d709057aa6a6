"""`python local/llama --model FILE [--port N]`: llama.cpp's OpenAI-compatible server, from the package xllamacpp."""

import argparse
import os
import signal
import sys
from pathlib import Path

import xllamacpp

SLOTS = 2
"""Answers that are generated at once; further requests wait."""
TOKENS_PER_SLOT = 2048
"""Tokens of the prompt and the answer together."""
KEY_VARIABLE = "LLAMA_API_KEY"
"""The environment variable with the API key. Without a key, requests need none."""


def parameters(model: Path, port: int, threads: int) -> xllamacpp.CommonParams:
    """The server's settings: greedy decoding, loopback only, no web interface, only this model."""
    settings = xllamacpp.CommonParams()
    settings.model.path = str(model)
    # Read, not mapped: llama.cpp converts the weights, and a mapped file would stay in memory beside them.
    settings.load_mode = xllamacpp.llama_load_mode.LLAMA_LOAD_MODE_NONE
    settings.model_alias = {model.stem}
    settings.hostnames = ["127.0.0.1"]
    settings.port = port
    settings.use_jinja = True
    settings.n_parallel = SLOTS
    settings.n_ctx = SLOTS * TOKENS_PER_SLOT
    settings.n_predict = 512
    settings.cpuparams.n_threads = threads
    settings.cpuparams_batch.n_threads = threads
    settings.sampling.temp = 0
    settings.cache_ram_mib = 64  # enough for the system prompt in two languages
    settings.timeout_read = settings.timeout_write = 120
    settings.offline = True
    settings.ui = False
    settings.endpoint_slots = False
    # No web page of another origin may read an answer; with an API key it gets none.
    settings.cors_origins, settings.cors_origins_explicit = "http://127.0.0.1", True
    settings.api_keys = list(filter(None, [os.environ.get(KEY_VARIABLE)]))
    settings.verbosity = 1
    return settings


def main() -> int:
    parser = argparse.ArgumentParser(prog="llama", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="a GGUF file")
    parser.add_argument(
        "--port", type=int, default=8081, help="port on 127.0.0.1; 0 picks a free one (default: %(default)s)"
    )
    parser.add_argument("--threads", type=int, default=2, help="threads of the model (default: %(default)s)")
    arguments = parser.parse_args()
    if not arguments.model.is_file():
        print(f"there is no model at {arguments.model}: run ./dev up, which downloads it", file=sys.stderr)
        return 1

    stop_signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals)  # before the server's threads are made
    try:
        server = xllamacpp.Server(parameters(arguments.model, arguments.port, arguments.threads))
    except RuntimeError:  # llama.cpp has printed the reason
        print(
            f"llama.cpp's server cannot start with {arguments.model} on port {arguments.port}: see its message above",
            file=sys.stderr,
        )
        return 1
    print(f"listening on {server.listening_address}", flush=True)
    signal.sigwait(stop_signals)
    os._exit(0)  # an orderly shutdown would wait for unfinished answers, and there is nothing to save


if __name__ == "__main__":
    sys.exit(main())
