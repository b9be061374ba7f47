#!/bin/sh
# Makes images of a prompt with curl: `sh curl_client.sh "a red fox"`. See README.md.
set -eu
export LC_ALL=C

[ $# -eq 1 ] || {
    echo 'usage: sh curl_client.sh "a red fox"' >&2
    exit 2
}
base=${AKOOL_BASE_URL:-http://127.0.0.1:25665}
api=${base%/}/api/open/v3/content/image
key="x-api-key: ${AKOOL_API_KEY:-my-key}"
pause=${AKOOL_PAUSE_S:-3}
deadline=$(($(date +%s) + ${AKOOL_PATIENCE_S:-300}))

say() {
    echo "$1" >&2
    exit 1
}

# Prints the value of a key of the JSON on standard input, if it is a text or a number.
value() {
    sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p"
}

rest() {
    [ "$(date +%s)" -lt "$deadline" ] || say "it took too long"
    sleep "$pause"
}

answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

# Puts what Akool says into $job. Asks again where that does no harm: at the codes of $1, which are 0 for no answer.
ask() {
    again=$1
    shift
    while :; do
        curl --silent --max-time 30 --header "$key" --output "$answer" "$@" || : >"$answer"
        job=$(tr -d '\000' <"$answer")
        code=$(printf %s "$job" | value code)
        [ "$code" != 1000 ] || return 0
        case " $again " in
            *" ${code:-0} "*) rest ;;
            *) say "Akool says ${code:-nothing}: $(printf %s "$job" | value msg)" ;;
        esac
    done
}

# Saves the image of a URL, whole: a JPEG ends with ff d9.
fetch() {
    while :; do
        http=$(curl --silent --max-time 30 --write-out '%{http_code}' --output "$answer" "$1") || http=0
        case $http in 403 | 404) say "the image is gone: HTTP $http" ;; esac
        if [ "$(tail -c 2 "$answer" | od -An -tx1 | tr -d ' ')" = ffd9 ]; then
            cat "$answer" >"$2"
            return
        fi
        rest
    done
}

prompt=$(printf %s "$1" | sed 's/[\\"]/\\&/g')
later="1005 1108 2001" # nothing was done and nothing was paid
# A create is not sent again when its answer was lost: it may be paid. A poll is, and at 1008 too.
ask "$later" --header 'content-type: application/json' --data "{\"prompt\": \"$prompt\"}" "$api/createbyprompt"
id=$(printf %s "$job" | value _id)
urls=
while [ -z "$urls" ]; do
    rest
    ask "$later 1008 0" "$api/infobymodelid?image_model_id=$id"
    status=$(printf %s "$job" | value image_status)
    [ "$status" != 4 ] || say "job $id failed: $(printf %s "$job" | sed 's/.*"error_reasons":\[\([^]]*\).*/\1/')"
    # Status 3 alone is no image.
    [ "$status" != 3 ] || urls=$(printf %s "$job" | sed -n 's/.*"upscaled_urls":\[\([^]]*\).*/\1/p' | tr -d '"' | tr , ' ')
done
number=0
for url in $urls; do
    number=$((number + 1))
    fetch "$url" "image-$number.jpg"
    echo "image-$number.jpg"
done
