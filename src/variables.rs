//! The variables. All of them are final in the access log.

#![forbid(unsafe_code)]

use policy::{At, Limit, Outcome, UpstreamResult, Verdict};

use crate::drain;
use crate::module::{LimitBody, Request};
use crate::state::{Drain, State};
use nginx::{Value, Variable};

/// All variables of the module. One about the verdict is empty if the request was not judged; one about the drain, if
/// there was none; one about the upstream, if none closed early.
pub const VARIABLES: &[Variable<LimitBody>] = &[
    Variable { name: "limit_body_status", get: |_, state| text(state.verdict().map(Verdict::as_str)) },
    Variable { name: "limit_body_limit", get: |_, state| number(limit(state)) },
    Variable { name: "limit_body_received", get: received },
    Variable { name: "limit_body_at", get: |_, state| text(state.at().map(At::as_str)) },
    Variable { name: "limit_body_drained", get: |_, state| number(state.drain().and_then(Drain::bytes)) },
    Variable {
        name: "limit_body_drain",
        get: |_, state| text(state.drain().and_then(Drain::outcome).map(Outcome::as_str)),
    },
    Variable { name: "limit_body_drain_time", get: |_, state| time(state.drain().and_then(Drain::time)) },
    Variable { name: "limit_body_acknowledged", get: acknowledged },
    Variable { name: "limit_body_upstream_response", get: upstream_response },
    #[cfg(feature = "fault-injection")]
    Variable { name: "limit_body_panic", get: |_, _| panic_on_demand() },
];

#[cfg(feature = "fault-injection")]
#[allow(clippy::panic)]
fn panic_on_demand() -> Value {
    panic!("$limit_body_panic is evaluated")
}

#[cfg(all(feature = "fault-injection", not(debug_assertions)))]
compile_error!("fault-injection is for debug builds only");

/// The limit that the body was judged by, in bytes; 0 means no limit. `None` if there is no verdict on its size, or the limit
/// was invalid.
fn limit(state: &State<'_>) -> Option<u64> {
    let judgement = state.told()?.judgement;
    judgement.verdict().and(judgement.limit()).map(Limit::bytes)
}

fn received(r: Request<'_>, state: &State<'_>) -> Value {
    if state.verdict().is_none() {
        return Value::Empty;
    }
    Value::Number(state.received(r.main()))
}

fn acknowledged(r: Request<'_>, _: &State<'_>) -> Value {
    text(drain::acknowledged(r).map(yes_or_no))
}

fn upstream_response(_: Request<'_>, state: &State<'_>) -> Value {
    let result = state.upstream().and_then(|upstream| upstream.response.get().result());
    text(result.map(UpstreamResult::as_str))
}

fn yes_or_no(answer: bool) -> &'static str {
    if answer {
        "yes"
    } else {
        "no"
    }
}

fn time(value: Option<u64>) -> Value {
    value.map_or(Value::Empty, Value::Milliseconds)
}

fn text(value: Option<&'static str>) -> Value {
    value.map_or(Value::Empty, Value::Text)
}

fn number(value: Option<u64>) -> Value {
    value.map_or(Value::Empty, Value::Number)
}
