<?php
// Put a face into a photo with PHP and curl: `php php_faceswap.php FACE_URL PHOTO_URL`. See README.md.

$base = rtrim(getenv('AKOOL_BASE_URL') ?: 'http://127.0.0.1:25665', '/');
$api = "$base/api/open/v3/faceswap";
$deadline = microtime(true) + (float) (getenv('AKOOL_PATIENCE_S') ?: 300);
const NO_ANSWER = 0; // nothing came, or nothing of Akool's: nobody knows whether the request did its work
const LATER = [1005, 1108, 2001]; // nothing was done and nothing was paid
const READ_LATER = [...LATER, 1008, NO_ANSWER]; // 1008: a job of ours may be unknown for a moment
const DOWN = [429, 503]; // nothing was done either
const COMPLETED = 3;
const FAILED = 4;
const ENDS = ["\xff\xd9", "IEND\xaeB`\x82"]; // of a whole JPEG, and of a whole PNG

function finish(string $why, int $status = 1): never
{
    fwrite(STDERR, "$why\n");
    exit($status);
}

function pause(): void
{
    if (microtime(true) > $GLOBALS['deadline']) {
        finish('it took too long');
    }
    usleep((int) (1e6 * (float) (getenv('AKOOL_PAUSE_S') ?: 3)));
}

/** Sends a request, with a body by POST; returns the status and the body, or null when no whole answer came. */
function send(string $url, ?array $body = null): array
{
    $headers = ['x-api-key: ' . (getenv('AKOOL_API_KEY') ?: 'my-key'), 'content-type: application/json'];
    $call = curl_init($url);
    curl_setopt_array($call, [CURLOPT_RETURNTRANSFER => true, CURLOPT_TIMEOUT => 30, CURLOPT_HTTPHEADER => $headers]);
    if ($body !== null) {
        curl_setopt($call, CURLOPT_POSTFIELDS, json_encode($body, JSON_UNESCAPED_SLASHES));
    }
    $content = curl_exec($call);
    return [curl_getinfo($call, CURLINFO_RESPONSE_CODE), $content === false ? null : $content, curl_error($call)];
}

/** Returns a good answer; a request that may be paid is not sent again when its answer was lost. */
function ask(string $url, ?array $body = null, bool $again = true): array
{
    while (true) {
        [$status, $content, $trouble] = send($url, $body);
        $answer = json_decode($content ?? '', true);
        if (in_array($status, DOWN, true)) {
            $answer = ['code' => LATER[0]];
        } elseif (!is_array($answer)) {
            $answer = ['code' => NO_ANSWER, 'msg' => 'no answer, ' . ($trouble ?: 'or no JSON')];
        }
        $code = $answer['code'] ?? 1000; // face detection has error_code instead
        if ($code === 1000) {
            return $answer;
        }
        if (!in_array($code, $again ? READ_LATER : LATER, true)) {
            finish("Akool says $code: {$answer['msg']}");
        }
        pause();
    }
}

/** Returns the largest face of an image, as a swap takes it: the image, and where the face is in it. */
function face_of(string $url): array
{
    $found = ask("{$GLOBALS['base']}/interface/detect-api/detect_faces", ['url' => $url, 'single_face' => true]);
    $place = $found['error_code'] === 0 ? $found['faces_obj']['0']['landmarks_str'][0] ?? null : null;
    return $place === null ? finish("no face in $url: {$found['error_msg']}") : ['path' => $url, 'opts' => $place];
}

/** Returns a whole image, and asks again for one that is broken. */
function fetch(string $url): string
{
    while (true) {
        [$status, $content] = send($url);
        if ($status === 403 || $status === 404) {
            finish("the image is gone: HTTP $status");
        }
        foreach (ENDS as $end) {
            if ($content !== null && str_ends_with($content, $end)) {
                return $content;
            }
        }
        pause();
    }
}

if ($argc !== 3) {
    finish('usage: php php_faceswap.php FACE_URL PHOTO_URL', 2);
}
[, $face_url, $photo_url] = $argv;
$swap = ['sourceImage' => [face_of($face_url)], 'targetImage' => [face_of($photo_url)], 'modifyImage' => $photo_url];
$job = ask("$api/highquality/specifyimage", $swap, again: false)['data'];
while (true) { // the answer has the URL already, but there is no file before the status is 3
    pause();
    // A row may be missing for a moment: no row is neither an end nor a mistake.
    foreach (ask("$api/result/listbyids?_ids={$job['_id']}")['data']['result'] as $row) {
        if ($row['faceswap_status'] === FAILED) {
            finish("job {$job['_id']} failed"); // nobody says why
        }
        if ($row['faceswap_status'] === COMPLETED && !empty($row['url'])) {
            $name = 'swapped.' . pathinfo($row['url'], PATHINFO_EXTENSION);
            file_put_contents($name, fetch($row['url']));
            echo "$name\n";
            exit(0);
        }
    }
}
