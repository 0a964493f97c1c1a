//! Stands in for HTTP/2 or HTTP/3 where nginx is built without it. No request has such a stream.

#![allow(dead_code)]

use core::convert::Infallible;
use core::marker::PhantomData;

use nginx_sys::ngx_event_handler_pt;

use crate::multiplexed::Skipped;
use crate::Came;
use nginx::Connection;
use nginx::RawRequest;

#[derive(Default)]
pub(crate) struct Frames;

#[derive(Clone, Copy)]
pub(crate) struct Stream<'r>(Infallible, PhantomData<RawRequest<'r>>);

impl<'r> Stream<'r> {
    pub(crate) fn of(_r: RawRequest<'r>) -> Option<Self> {
        None
    }

    pub(crate) fn parent(self) -> Connection {
        match self.0 {}
    }

    pub(crate) fn most(self) -> usize {
        match self.0 {}
    }

    pub(crate) fn is_open(self) -> bool {
        match self.0 {}
    }

    pub(crate) fn may_send(self) -> bool {
        match self.0 {}
    }

    pub(crate) fn skip(self, _on: bool) {
        match self.0 {}
    }

    pub(crate) fn take(self) -> Option<(u64, Came)> {
        match self.0 {}
    }

    pub(crate) fn step_aside(self, _left: Option<u64>) -> Skipped {
        match self.0 {}
    }

    pub(crate) fn step_back(self, _skipped: Skipped) -> bool {
        match self.0 {}
    }

    pub(crate) fn count_skipped(self, _skipped: Skipped) -> (Skipped, u64, Came) {
        match self.0 {}
    }

    pub(crate) fn pay_ahead(self, _skipped: Skipped) -> Skipped {
        match self.0 {}
    }

    pub(crate) fn drop_some(self, _most: u64) -> (u64, Came) {
        match self.0 {}
    }

    pub(crate) fn last_frame(self) -> Option<u64> {
        match self.0 {}
    }

    pub(crate) fn end_response(self) {
        match self.0 {}
    }

    pub(crate) fn is_acknowledged(self) -> bool {
        match self.0 {}
    }

    pub(crate) fn socket(self) -> Option<i32> {
        match self.0 {}
    }

    pub(crate) fn set_reusable(self, _handler: ngx_event_handler_pt) {
        match self.0 {}
    }

    pub(crate) fn clear_reusable(self) {
        match self.0 {}
    }

    pub(crate) fn grant(self, _most: u64, _declared: u64) {
        match self.0 {}
    }

    /// # Safety
    ///
    /// No such stream exists.
    pub(crate) unsafe fn close(self) {
        match self.0 {}
    }

    pub(crate) fn settle(self, _dropped: u64, _skipped: Option<Skipped>) {
        match self.0 {}
    }
}
