# Answers early, for Puma: which has read the body by then.

STATUS = { '401' => 401, '413' => 413, '302' => 302, 'limit' => 413 }.freeze
BODIES = STATUS.keys.to_h { |name| [name, File.binread("#{ENV.fetch('ANSWERS')}/#{name}")] }.freeze
LIMIT = 1 << 20

run lambda { |environment|
  name = environment['PATH_INFO'].rpartition('/').last
  return [200, { 'Content-Type' => 'text/plain' }, ["ok\n"]] unless STATUS.key?(name)

  environment['rack.input'].read(LIMIT) if name == 'limit'
  fields = { 'Content-Type' => 'text/plain', 'Content-Length' => BODIES[name].bytesize.to_s }
  fields['Location'] = '/login' if name == '302'
  [STATUS[name], fields, [BODIES[name]]]
}
