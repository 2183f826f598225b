# One image for all processes; docker-compose.yml says which one a container runs.

FROM node:24-slim AS pages
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --silent

FROM python:3.12-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/tocsin
WORKDIR /build
COPY requirements-production.lock ./
RUN /opt/tocsin/bin/pip install --require-hashes -r requirements-production.lock

FROM python:3.12-slim
ENV PATH=/opt/tocsin/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --no-create-home --home-dir /app tocsin
COPY --from=build /opt/tocsin /opt/tocsin
WORKDIR /app
COPY api api
COPY notify notify
COPY templates templates
COPY zones zones
COPY --from=pages /build/node_modules/htmx.org/dist/htmx.min.js /build/node_modules/htmx-ext-sse/dist/sse.min.js \
    /build/node_modules/pmtiles/dist/pmtiles.js /build/node_modules/maplibre-gl/dist/maplibre-gl.mjs \
    /build/node_modules/terra-draw/dist/terra-draw.umd.js \
    /build/node_modules/terra-draw-maplibre-gl-adapter/dist/terra-draw-maplibre-gl-adapter.umd.js \
    /build/node_modules/maplibre-gl/dist/maplibre-gl-worker.mjs /build/node_modules/maplibre-gl/dist/maplibre-gl.css \
    api/static/vendor/
USER tocsin
EXPOSE 8000
ENTRYPOINT ["python", "-m", "notify.cli"]
CMD ["--help"]
