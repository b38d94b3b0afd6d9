# A Dask scheduler or worker with what the stages import, in the lock's versions; compose.yaml tells which.
# Dask wants one Python everywhere: --build-arg PYTHON=3.12 where the project's .venv has that.
ARG PYTHON=3.11
FROM python:${PYTHON}-slim

RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir --disable-pip-version-check 'uv>=0.11,<1'
WORKDIR /opt/dask
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-cache --compile-bytecode --no-default-groups --group cluster

ENV PATH=/opt/dask/.venv/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1
USER 1000:1000
EXPOSE 8786 8787
CMD ["dask", "scheduler", "--host", "0.0.0.0", "--port", "8786"]
