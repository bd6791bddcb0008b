# One image, three roles (see Procfile); the default is the web process:
#   docker run --env-file .env -p 8000:8000 datapusher
#   docker run --env-file .env -e METRICS_PORT=9100 datapusher python manage.py runworker
#   docker run --env-file .env datapusher python manage.py migrate
# .env needs PUBLIC_URL then, https or http://127.0.0.1:8000: HOST is 0.0.0.0 here, and plain http to others is refused.
# All of them with PostgreSQL and Valkey: compose.yaml.
FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
COPY requirements/prod.txt /tmp/prod.txt
RUN /opt/venv/bin/pip install --quiet --no-deps --require-hashes --only-binary :all: -r /tmp/prod.txt \
  && /opt/venv/bin/pip uninstall --quiet --yes pip

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin datapusher
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY . .
# The code is root's and read-only for the process, and so compiled here; var/ is for who runs it without DATABASE_URL.
RUN /opt/venv/bin/python -m compileall -q apps consumers datapusher && mkdir var && chown datapusher var
USER datapusher
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 PORT=8000
EXPOSE 8000
STOPSIGNAL SIGTERM
# A worker is asked on METRICS_PORT; without that set it has no port, and needs --no-healthcheck.
HEALTHCHECK --interval=10s --timeout=5s --start-period=15s CMD ["python", "-m", "datapusher.alive"]
CMD ["python", "-m", "datapusher.web"]
