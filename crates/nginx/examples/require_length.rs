//! A whole module: `require_length on` refuses requests whose body has no declared length.
//!
//! ```nginx
//! location /upload { require_length on; }
//! ```

use nginx::{
    Args, ConfError, CoreConf, Directive, Hooks, HttpModule, Module, OutOfMemory, Phase, Status, Takes, Within, Written,
};

struct RequireLength;

/// What a block says; `None` if it says nothing.
#[derive(Default)]
struct Conf {
    on: Option<bool>,
}

impl Module for RequireLength {
    type Conf<'c> = Conf;

    const DIRECTIVES: &'static [Directive<Self>] = &[Directive {
        name: c"require_length",
        within: Within::Any,
        takes: Takes::Flag,
        set: require_length,
        needs: None,
    }];
}

impl HttpModule for RequireLength {
    type State<'r> = ();

    fn merge(conf: &mut Conf, prev: &Conf, _written: Written) {
        conf.on = conf.on.or(prev.on);
    }

    fn settle(conf: &mut Conf, _core: CoreConf<'_, Self>, _enforced: bool) -> Result<Hooks, OutOfMemory> {
        Ok(if conf.on == Some(true) { Hooks::BODY } else { Hooks::NONE })
    }

    fn preaccess(r: nginx::Request<'_, Self>) -> Phase {
        if r.conf().on == Some(true) && r.is_chunked() {
            return Phase::Finalize(Status::LENGTH_REQUIRED);
        }
        Phase::Declined
    }
}

fn require_length(conf: &mut Conf, args: &Args<'_, RequireLength>) -> Result<(), ConfError> {
    match conf.on.replace(args.flag()?) {
        Some(_) => Err(ConfError::Duplicate),
        None => Ok(()),
    }
}

nginx::http_module!(RequireLength as ngx_http_require_length_module before [ngx_http_realip_module]
    with configuration ngx_http_require_length_conf_module and filters ngx_http_require_length_filter_module);
