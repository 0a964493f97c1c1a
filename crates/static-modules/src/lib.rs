//! Both modules, for an nginx that has them in it: two libraries would each bring what they share.

extern crate ngx_http_limit_body_module as _;
extern crate ngx_stream_limit_session_module as _;
