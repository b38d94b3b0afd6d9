# The MLflow UI in the lock's version; compose.yaml mounts the project's database and artifacts.
FROM python:3.11-slim

RUN pip install --no-cache-dir --disable-pip-version-check 'uv>=0.11,<1'
WORKDIR /opt/mlflow
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-cache --compile-bytecode --only-group tracking

ENV PATH=/opt/mlflow/.venv/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    DO_NOT_TRACK=1 \
    MLFLOW_DISABLE_TELEMETRY=true
USER 1000:1000
EXPOSE 5000
# One worker, of 300 MB: four by default.
CMD ["mlflow", "ui", "--host", "0.0.0.0", "--port", "5000", "--workers", "1"]
