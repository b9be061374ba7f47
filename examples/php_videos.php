<?php
// Make videos of an image with PHP and curl: `php php_videos.php URL "it turns its head" 3`. See README.md.

$api = rtrim(getenv('AKOOL_BASE_URL') ?: 'http://127.0.0.1:25665', '/') . '/api/open/v4/image2Video';
$deadline = microtime(true) + (float) (getenv('AKOOL_PATIENCE_S') ?: 300);
const NO_ANSWER = 0; // nothing came, or nothing of Akool's: nobody knows whether the request did its work
const LATER = [1005, 1108, 2001]; // nothing was done and nothing was paid
const READ_LATER = [...LATER, 1008, NO_ANSWER]; // 1008: a job of ours may be unknown for a moment
const DOWN = [429, 503]; // nothing was done either
const COMPLETED = 3;
const FAILED = 4;

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

/** Returns what a good answer is about; what may be paid is not sent again when its answer was lost. */
function ask(string $path, array $body, bool $again): array
{
    while (true) {
        [$status, $content, $trouble] = send("{$GLOBALS['api']}/$path", $body);
        $answer = json_decode($content ?? '', true);
        if (in_array($status, DOWN, true)) {
            $answer = ['code' => LATER[0]];
        } elseif (!is_array($answer)) {
            $answer = ['code' => NO_ANSWER, 'msg' => 'no answer, ' . ($trouble ?: 'or no JSON')];
        }
        if ($answer['code'] === 1000) {
            return $answer['data'];
        }
        if (!in_array($answer['code'], $again ? READ_LATER : LATER, true)) {
            finish("Akool says {$answer['code']}: {$answer['msg']}");
        }
        pause();
    }
}

/** Returns whether the boxes of an MP4 fill it to its end; each begins with its size and its name. */
function is_whole(string $video): bool
{
    $place = 0;
    while ($place + 8 <= strlen($video)) {
        $size = unpack('N', $video, $place)[1];
        if ($size === 1) { // a large box has its size behind its name
            $size = $place + 16 <= strlen($video) ? unpack('J', $video, $place + 8)[1] : 16;
        }
        $place += $size ? max($size, 8) : strlen($video) - $place; // 0: up to the end
    }
    return $place === strlen($video) && substr($video, 4, 4) === 'ftyp';
}

/** Returns a whole video, or null when it is gone; asks again for one that is broken. */
function fetch(string $url): ?string
{
    while (true) {
        [$status, $content] = send($url);
        if ($status === 403 || $status === 404) {
            fwrite(STDERR, "a video is gone: HTTP $status\n");
            return null;
        }
        if ($content !== null && is_whole($content)) {
            return $content;
        }
        pause();
    }
}

if ($argc !== 4) {
    finish('usage: php php_videos.php URL "it turns its head" 3', 2);
}
[, $image_url, $prompt] = $argv;
$count = (int) $argv[3];
$video = ['image_url' => $image_url, 'prompt' => $prompt, 'resolution' => '720p', 'video_length' => 5];
$batch = ask('createBySourcePrompt/batch', [...$video, 'count' => $count], again: false);
$missing = count($batch['errorList']); // these were never made, although the code is 1000
$waiting = [];
foreach ($batch['successList'] as $place => $row) {
    $waiting[$row['_id']] = 'video-' . ($place + 1) . '.mp4';
}
while ($waiting) {
    pause();
    // The ids are one text. What is unknown is left out, so no rows do not mean that all is done.
    foreach (ask('resultsByIds', ['_ids' => implode(',', array_keys($waiting))], again: true)['result'] as $row) {
        $is_done = $row['status'] === COMPLETED && !empty($row['video_url']);
        if (!$is_done && $row['status'] !== FAILED) {
            continue;
        }
        $name = $waiting[$row['_id']];
        unset($waiting[$row['_id']]);
        $content = $is_done ? fetch($row['video_url']) : null; // nobody says why a video failed
        if ($content === null) {
            $missing++;
        } else {
            file_put_contents($name, $content);
            echo "$name\n";
        }
    }
}
if ($missing > 0) {
    finish("$missing of $count videos are missing");
}
