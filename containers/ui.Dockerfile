# The page, with what it imports in the lock's versions; compose.yaml tells it where the API is.
FROM python:3.11-slim

RUN pip install --no-cache-dir --disable-pip-version-check 'uv>=0.11,<1'
WORKDIR /opt/page
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-cache --compile-bytecode --only-group ui
COPY .streamlit .streamlit
COPY ui ui
COPY sales/__init__.py sales/errors.py sales/files.py sales/params.py sales/
COPY sales/contract/__init__.py sales/contract/cells.py sales/contract/column.py \
     sales/contract/date_forms.py sales/contract/date_parts.py sales/contract/dates.py \
     sales/contract/decimals.py sales/contract/definition.py sales/contract/expressions.py \
     sales/contract/holes.py sales/contract/kinds.py sales/contract/numbers.py sales/contract/quoted.py sales/contract/
COPY sales/data/__init__.py sales/data/incoming.py sales/data/
COPY sales/data/reading/__init__.py sales/data/reading/delimited.py \
     sales/data/reading/dialects.py sales/data/reading/feather.py \
     sales/data/reading/formats.py sales/data/reading/json_lines.py \
     sales/data/reading/packing.py sales/data/reading/recoding.py \
     sales/data/reading/sheet_xml.py sales/data/reading/workbooks.py sales/data/reading/
COPY sales/models/__init__.py sales/models/codes.py sales/models/feature_sets.py sales/models/features.py \
     sales/models/many_levels.py sales/models/spans.py sales/models/target_encoding.py sales/models/
COPY sales/serving/__init__.py sales/serving/fields.py sales/serving/given_back.py \
     sales/serving/file_columns.py sales/serving/ranges.py sales/serving/refusals.py sales/serving/request.py \
     sales/serving/request_ids.py \
     sales/serving/unpacking.py sales/serving/upload.py sales/serving/

ENV PATH=/opt/page/.venv/bin:$PATH \
    HOME=/tmp \
    MALLOC_ARENA_MAX=2 \
    ARROW_DEFAULT_MEMORY_POOL=system \
    PYTHONDONTWRITEBYTECODE=1
USER 1000:1000
EXPOSE 8501
CMD ["python", "-m", "streamlit", "run", "ui/app.py", "--server.address", "0.0.0.0", "--server.port", "8501", "--server.headless", "true"]
