#!/bin/sh
# Starts the service as in production: ./entrypoint.sh [asgi|wsgi [arguments for gunicorn]]
#
# Migrations are not run here. They are a step of each deployment, before its first server starts: every
# server would run them, all at the same time, and again whenever one is restarted.
set -eu
cd -- "$(dirname -- "$0")"

interface=${1-asgi}
case $interface in
    asgi)
        worker_class=config.asgi_worker.AsgiWorker
        # Under ASGI Django opens a connection for each request, and never finds one again that it has kept.
        if [ -z "${DB_CONN_MAX_AGE+set}" ]; then
            export DB_CONN_MAX_AGE=0 DB_POOL="${DB_POOL-4}"
        elif [ "$DB_CONN_MAX_AGE" != 0 ]; then
            echo "entrypoint.sh: under ASGI each request leaks its connection with" \
                "DB_CONN_MAX_AGE=$DB_CONN_MAX_AGE: set DB_POOL instead" >&2
        fi
        ;;
    wsgi)
        worker_class=gthread
        ;;
    *)
        echo "usage: $0 [asgi|wsgi [arguments for gunicorn]]" >&2
        exit 2
        ;;
esac
[ $# -eq 0 ] || shift

# Errors stop the start, warnings are for whoever reads the log.
python manage.py check --deploy
# The shell makes way for gunicorn, which then gets the signals.
exec gunicorn --worker-class "$worker_class" "config.$interface:application" "$@"
