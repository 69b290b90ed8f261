#!/bin/sh
# Starts the service as in production: ./entrypoint.sh [asgi|wsgi [arguments for gunicorn]]
#
# It does not run migrations. Run them once for each deployment, before its first server starts. Otherwise
# every server would run them, all at the same time, and again at each restart.
set -eu
cd -- "$(dirname -- "$0")"

interface=${1-asgi}
case $interface in
    asgi)
        worker_class=config.asgi_worker.AsgiWorker
        # Under ASGI Django opens a connection for each request, and never reuses one that it has kept.
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

# Errors stop the start, warnings go to the log.
python manage.py check --deploy
# gunicorn replaces the shell, and so gets the signals.
exec gunicorn --worker-class "$worker_class" "config.$interface:application" "$@"
