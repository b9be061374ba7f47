#!/bin/sh
# Makes images of a prompt with curl: `sh curl_client.sh "a red fox"`. See README.md.
set -eu

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

check() {
    code=$(printf %s "$1" | value code)
    [ "$code" = 1000 ] || say "Akool says $code: $(printf %s "$1" | value msg)"
}

# Repeats a GET, which costs nothing, while it is the network or the gateway that fails.
fetch() {
    until [ "$(date +%s)" -ge "$deadline" ]; do
        http=$(curl --silent --max-time 30 --write-out '%{http_code}' "$@") || http=500
        case $http in
            2??) return ;;
            5??) sleep "$pause" ;;
            *) say "HTTP $http" ;;
        esac
    done
    say "it took too long"
}

prompt=$(printf %s "$1" | sed 's/[\\"]/\\&/g')
# Sent once: whoever creates again after a lost answer may pay twice.
job=$(curl --silent --show-error --fail --max-time 30 --header "$key" --header 'content-type: application/json' \
    --data "{\"prompt\": \"$prompt\"}" "$api/createbyprompt") || exit 1
check "$job"
id=$(printf %s "$job" | value _id)
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
until status=$(printf %s "$job" | value image_status) && [ "$status" = 3 ]; do
    [ "$status" != 4 ] || say "job $id failed: $(printf %s "$job" | sed 's/.*"error_reasons":\[\([^]]*\).*/\1/')"
    sleep "$pause"
    fetch --header "$key" --output "$answer" "$api/infobymodelid?image_model_id=$id"
    job=$(cat "$answer")
    check "$job"
done
number=0
for url in $(printf %s "$job" | sed 's/.*"upscaled_urls":\[\([^]]*\).*/\1/' | tr -d '"' | tr , ' '); do
    number=$((number + 1))
    fetch --output "image-$number.jpg" "$url"
    echo "image-$number.jpg"
done
