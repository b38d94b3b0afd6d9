# The pipeline as it stands here, for a schedule, in a copy below /work. deploy/retrain.yaml runs `make retrain` in it.
# What a run leaves is on the MLflow server that MLFLOW_TRACKING_URI names; the copy goes with the container.
FROM python:3.11-slim

RUN apt-get update && apt-get install -y --no-install-recommends git libgomp1 make && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir --disable-pip-version-check 'uv>=0.11,<1'
WORKDIR /opt/pipeline
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-cache --compile-bytecode --no-default-groups
WORKDIR /opt/pipeline/project
COPY Makefile pyproject.toml uv.lock params.yaml dvc.yaml dvc.lock ./
COPY .dvc/config .dvc/config
COPY .dvc/plots .dvc/plots
COPY data/incoming data/incoming
COPY metrics metrics
COPY plots plots
COPY sales sales
COPY stages stages
# What `make setup` leaves: newer than the lock, so that no run installs anything.
RUN ln -s ../.venv .venv && touch .venv/.installed \
    && .venv/bin/python -m sales.judging.plots_page > /tmp/page.html && mv /tmp/page.html .dvc/plots/page.html

ENV HOME=/tmp \
    DVC_SITE_CACHE_DIR=/tmp/dvc \
    PYTHONDONTWRITEBYTECODE=1
RUN mkdir --mode 1777 /work
WORKDIR /work
USER 1000:1000
ENTRYPOINT ["sh", "-c", "rm -rf project && cp -R --preserve=timestamps,links /opt/pipeline/project . && cd project && ln -sfn /opt/pipeline/.venv .venv && exec \"$@\"", "sh"]
CMD ["make", "repro"]
