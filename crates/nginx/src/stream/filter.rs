//! The filter of what is passed between client and upstream.

use core::ptr;

use nginx_sys::{
    ngx_chain_t, ngx_conf_t, ngx_int_t, ngx_stream_module_t, ngx_stream_session_t, ngx_stream_top_filter, ngx_uint_t,
    NGX_ERROR, NGX_OK,
};

use super::{Session, StreamModule};
use crate::chains::Step;
use crate::module::Places;
use crate::Hooks;

/// What becomes of data that a client has sent.
pub enum Data {
    /// They go on to the upstream.
    Pass,
    /// The last so many bytes of all that the client has sent do not, and nginx ends the session.
    Cut(u64),
}

/// The `ngx_stream_module_t` of the module that has the filter. It is initialized after that which writes, which begins
/// the chain.
pub const fn context<M: StreamModule>() -> ngx_stream_module_t {
    ngx_stream_module_t {
        preconfiguration: None,
        postconfiguration: Some(register::<M>),
        create_main_conf: None,
        init_main_conf: None,
        create_srv_conf: None,
        merge_srv_conf: None,
    }
}

/// Follows what becomes of a configuration in nginx's chain for raw connections.
pub fn chains(places: &Places, step: Step) {
    // SAFETY: nginx's own pointer, on its one thread.
    unsafe { places.stream.follow(ptr::addr_of_mut!(ngx_stream_top_filter), step) }
}

/// Puts the module's filter at the head of the chain, as every filter does.
unsafe extern "C" fn register<M: StreamModule>(_cf: *mut ngx_conf_t) -> ngx_int_t {
    let registration = M::registration();
    if registration.reading.ever_needed().include(Hooks::CLIENT_DATA) {
        // SAFETY: nginx's own pointer. Called while the configuration is read, on the one thread.
        unsafe { registration.places.stream.enter(ptr::addr_of_mut!(ngx_stream_top_filter), filter::<M>) }
    }
    NGX_OK as ngx_int_t
}

/// Passes data on: `ngx_stream_filter_pt`.
unsafe extern "C" fn filter<M: StreamModule>(
    s: *mut ngx_stream_session_t,
    chain: *mut ngx_chain_t,
    from_upstream: ngx_uint_t,
) -> ngx_int_t {
    let next = M::registration().places.stream.next();
    // SAFETY: nginx passes a live session.
    let session = unsafe { Session::<M>::new(s) };
    if from_upstream != 0 || !session.connection().is_tcp() {
        // SAFETY: the next filter takes what this one got.
        let passed = unsafe { next(s, chain, from_upstream) };
        session.forget_unwritten();
        return passed;
    }
    if session.has_upstream_failed() {
        // SAFETY: nginx passes a valid chain of what the client has sent. The session has an upstream.
        return unsafe { drop_data(session, chain) };
    }
    match M::client_data(session) {
        Data::Pass => {
            // SAFETY: the next filter takes what this one got.
            let passed = unsafe { next(s, chain, from_upstream) };
            if passed == NGX_ERROR as ngx_int_t && session.has_upstream_failed() {
                // SAFETY: as above.
                return unsafe { drop_data(session, chain) };
            }
            passed
        }
        Data::Cut(bytes) => {
            // SAFETY: nginx passes a valid chain. With an error, it ends the session, and does not use the chain again.
            unsafe {
                let kept = cut(chain, bytes);
                if !kept.is_null() {
                    let _ = next(s, kept, from_upstream);
                }
            }
            NGX_ERROR as ngx_int_t
        }
    }
}

/// Drops what is on its way to an upstream that takes nothing more, as if that had taken it. nginx then goes on to read from
/// both sides, and ends the session when the client has taken all that the upstream has sent. If there is nothing of that
/// left, or the module does not allow it, nginx ends the session at once.
///
/// # Safety
///
/// The session must have an upstream, and `chain` be what nginx passes to its filters for that.
unsafe fn drop_data<M: StreamModule>(session: Session<'_, M>, chain: *mut ngx_chain_t) -> ngx_int_t {
    // SAFETY: a session with an upstream has that, says the caller. What nginx has passed before, and was not written, is in
    // the same buffers.
    let busy = unsafe { (*(*session.as_ptr()).upstream).upstream_busy };
    // SAFETY: both chains are valid.
    let bytes = unsafe { size(chain).saturating_add(size(busy)) };
    if !session.is_upstream_interrupted() || !M::upstream_interrupted(session, bytes) {
        return NGX_ERROR as ngx_int_t;
    }
    for mut at in [chain, busy] {
        // SAFETY: `at` is null or a link of a valid chain, which ends in NULL. Each link has a buffer.
        while let Some((buffer, next)) = unsafe { at.as_ref().map(|link| (&mut *link.buf, link.next)) } {
            buffer.pos = buffer.last;
            at = next;
        }
    }
    session.keep_upstream();
    NGX_OK as ngx_int_t
}

/// Cuts the last so many bytes off a chain. Returns what is left; null if that is nothing.
///
/// # Safety
///
/// `chain` must be valid.
unsafe fn cut(chain: *mut ngx_chain_t, bytes: u64) -> *mut ngx_chain_t {
    // SAFETY: `chain` is valid, as the caller promises.
    let mut keep = unsafe { size(chain) }.saturating_sub(bytes);
    if keep == 0 {
        return ptr::null_mut();
    }
    let mut at = chain;
    // SAFETY: `at` is null or a link of a valid chain, which ends in NULL.
    while let Some(link) = unsafe { at.as_mut() } {
        // SAFETY: each link has a buffer, with data from `pos` to `last`.
        let buffer = unsafe { &mut *link.buf };
        let size = (buffer.last as u64).saturating_sub(buffer.pos as u64);
        if keep <= size {
            buffer.last = buffer.pos.wrapping_add(keep as usize);
            link.next = ptr::null_mut();
            break;
        }
        keep = keep.saturating_sub(size);
        at = link.next;
    }
    chain
}

/// How many bytes there are in a chain.
///
/// # Safety
///
/// `chain` must be valid.
unsafe fn size(mut chain: *const ngx_chain_t) -> u64 {
    let mut size = 0_u64;
    // SAFETY: `chain` is null or a link of a valid chain, which ends in NULL. Each link has a buffer, with data from
    // `pos` to `last`.
    while let Some((buffer, next)) = unsafe { chain.as_ref().map(|link| (&*link.buf, link.next)) } {
        size = size.saturating_add((buffer.last as u64).saturating_sub(buffer.pos as u64));
        chain = next;
    }
    size
}
