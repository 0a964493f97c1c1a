# Uploads with Ruby's Net::HTTP; see uploads.py for what it reads and prints.

require "json"
require "net/http"
require "openssl"

# A body that is made while it is sent, and may pause in the middle.
class Zeros
  def initialize(length, pause)
    @length = @left = length
    @pause = pause
  end

  def read(size, buffer = nil)
    return nil if @left.zero?
    if @pause > 0 && @left <= @length / 2
      sleep @pause
      @pause = 0
    end
    size = [size, @left].min
    @left -= size
    piece = "\0" * size
    buffer ? buffer.replace(piece) : piece
  end
end

def upload(url, length, declared, pause, timeout)
  uri = URI(url)
  http = Net::HTTP.new(uri.host, uri.port)
  http.use_ssl = uri.scheme == "https"
  http.verify_mode = OpenSSL::SSL::VERIFY_NONE
  http.read_timeout = http.write_timeout = timeout
  http.max_retries = 0
  request = Net::HTTP::Post.new(uri, "Content-Type" => "application/octet-stream")
  declared ? request.content_length = length : request["Transfer-Encoding"] = "chunked"
  request.body_stream = Zeros.new(length, pause)
  answer = http.request(request)
  { status: answer.code.to_i, body: answer.body }
rescue StandardError => error
  { error: "#{error.class}: #{error.message}" }
end

$stdout.sync = true
puts({ version: RUBY_VERSION }.to_json)
while (line = $stdin.gets)
  url, length, mode, pause, timeout = line.split
  puts upload(url, length.to_i, mode == "declared", pause.to_f, timeout.to_f).to_json
end
