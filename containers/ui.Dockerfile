# The page, with what it imports in the lock's versions; compose.yaml tells it where the API is.
FROM python:3.11-slim

RUN pip install --no-cache-dir --disable-pip-version-check 'uv>=0.11,<1'
WORKDIR /opt/page
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-cache --compile-bytecode --only-group ui
COPY .streamlit .streamlit
COPY ui ui
COPY sales/__init__.py sales/cells.py sales/contract.py sales/errors.py sales/expressions.py \
     sales/features.py sales/files.py sales/incoming.py sales/params.py sales/request.py \
     sales/upload.py sales/

ENV PATH=/opt/page/.venv/bin:$PATH \
    HOME=/tmp \
    MALLOC_ARENA_MAX=2 \
    ARROW_DEFAULT_MEMORY_POOL=system \
    PYTHONDONTWRITEBYTECODE=1
USER 1000:1000
EXPOSE 8501
CMD ["python", "-m", "streamlit", "run", "ui/app.py", "--server.address", "0.0.0.0", "--server.port", "8501", "--server.headless", "true"]
