# Bakeoff with the locked environment, for the pipeline, for serving and for a team's server.
FROM python:3.11-slim-bookworm

COPY --from=ghcr.io/astral-sh/uv:0.13 /uv /usr/local/bin/uv
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git make \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 bakeoff \
    && install --directory --owner bakeoff /bakeoff /opt/bakeoff

USER bakeoff
WORKDIR /bakeoff
# Outside of the code's folder, so that a clone can be mounted there.
ENV UV_PROJECT_ENVIRONMENT=/opt/bakeoff/venv PATH=/opt/bakeoff/venv/bin:$PATH UV_NO_CACHE=1

# The environment first: it changes less often than the code.
COPY --chown=bakeoff pyproject.toml uv.lock README.md LICENSE ./
RUN uv sync --locked --no-install-project --no-dev --extra s3 --group server
COPY --chown=bakeoff . .
RUN uv sync --locked --no-dev --extra s3 --group server --compile-bytecode

CMD ["bakeoff", "--help"]
