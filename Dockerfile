# firsttoken with its dashboard and receiver, run as a plain user; /data holds the store.
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY instrumentation instrumentation
COPY dashboard dashboard
RUN python -m venv /opt/firsttoken && /opt/firsttoken/bin/pip install --no-cache-dir ".[dashboard]"

FROM python:3.13-slim
RUN useradd --uid 10001 --create-home firsttoken && install -d -o firsttoken -g firsttoken /data
COPY --from=build /opt/firsttoken /opt/firsttoken
ENV PATH=/opt/firsttoken/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    FIRSTTOKEN_STORE=/data/firsttoken.duckdb
USER firsttoken
VOLUME /data
# OTLP over gRPC and HTTP, the dashboard.
EXPOSE 4317 4318 8501
ENTRYPOINT ["firsttoken"]
CMD ["--help"]
