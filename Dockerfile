# One image, three roles (see Procfile); the default is the web process:
#   docker run --env-file .env -p 8000:8000 datapusher
#   docker run --env-file .env datapusher python manage.py runworker
#   docker run --env-file .env datapusher python manage.py migrate
FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
COPY requirements/prod.txt /tmp/prod.txt
RUN /opt/venv/bin/pip install --quiet --require-hashes --only-binary :all: -r /tmp/prod.txt

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin datapusher
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY . .
# The code is root's and read-only for the process; var/ is for who runs it without DATABASE_URL.
RUN mkdir var && chown datapusher var
USER datapusher
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 PORT=8000
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s CMD ["python", "-c", \
  "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health/live/', timeout=2)"]
# exec: signals reach uvicorn, not a shell.
CMD ["sh", "-c", "exec uvicorn datapusher.asgi:application --host \"$HOST\" --port \"$PORT\" --http httptools --ws websockets-sansio --ws-max-size 65536 --no-access-log --no-server-header --no-proxy-headers --timeout-graceful-shutdown 25"]
