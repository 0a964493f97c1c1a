<?php
// Uploads with PHP: upload.php curl|streams; see uploads.py for what it reads and prints. "streams" is file_get_contents(),
// which sends a string of declared length.

function answer(array $fields): void
{
    echo json_encode($fields, JSON_INVALID_UTF8_SUBSTITUTE), "\n";
    flush();
}

function with_curl(string $url, int $length, bool $declared, float $pause, float $timeout): array
{
    $left = $length;
    $curl = curl_init($url);
    curl_setopt_array($curl, [
        CURLOPT_HTTP_VERSION => CURL_HTTP_VERSION_1_1,
        CURLOPT_UPLOAD => true,
        CURLOPT_CUSTOMREQUEST => 'POST',
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_SSL_VERIFYPEER => false,
        CURLOPT_SSL_VERIFYHOST => 0,
        CURLOPT_TIMEOUT => (int) $timeout,
        CURLOPT_HTTPHEADER => ['Expect:'],
        CURLOPT_READFUNCTION => function ($curl, $file, $size) use (&$left, &$pause, $length) {
            if ($pause > 0 && $left <= $length / 2) {
                usleep((int) ($pause * 1e6));
                $pause = 0;
            }
            $size = min($size, $left);
            $left -= $size;
            return str_repeat("\0", $size);
        },
    ]);
    if ($declared) {
        curl_setopt($curl, CURLOPT_INFILESIZE, $length);
    }
    $body = curl_exec($curl);
    return $body === false ? ['error' => curl_error($curl)]
        : ['status' => curl_getinfo($curl, CURLINFO_RESPONSE_CODE), 'body' => $body];
}

function with_streams(string $url, int $length, bool $declared, float $pause, float $timeout): array
{
    $context = stream_context_create([
        'http' => ['method' => 'POST', 'content' => str_repeat("\0", $length), 'ignore_errors' => true, 'timeout' => $timeout,
            'protocol_version' => 1.1, 'header' => "Connection: close\r\nContent-Type: application/octet-stream"],
        'ssl' => ['verify_peer' => false, 'verify_peer_name' => false],
    ]);
    error_clear_last();
    $body = @file_get_contents($url, false, $context);
    return $body === false || !isset($http_response_header) ? ['error' => error_get_last()['message'] ?? 'false']
        : ['status' => (int) explode(' ', $http_response_header[0])[1], 'body' => $body];
}

ini_set('memory_limit', '-1');
answer(['version' => PHP_VERSION]);
while ($line = fgets(STDIN)) {
    [$url, $length, $mode, $pause, $timeout] = explode(' ', trim($line));
    answer(('with_' . $argv[1])($url, (int) $length, $mode === 'declared', (float) $pause, (float) $timeout));
}
