<?php
// Answers early. PHP itself reads bodies of up to post_max_size before it runs this, and leaves larger ones alone.

const STATUS = ['401' => 401, '413' => 413, '302' => 302, 'limit' => 413];

$name = basename(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH));
header('Content-Type: text/plain');
if (!isset(STATUS[$name])) {
    echo "ok\n";
    exit;
}
$body = file_get_contents(getenv('ANSWERS') . "/$name");
http_response_code(STATUS[$name]);
header('Content-Length: ' . strlen($body));
if ($name === '302') {
    header('Location: /login', true, 302);
}
echo $body;
