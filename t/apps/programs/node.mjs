// Answers early, with http, express or fastify:
//
//     node.mjs LIBRARY LISTEN [CERTIFICATE]
//
// LISTEN is ADDRESS:PORT or the path of a Unix socket; with a certificate (its path without .pem and .key), over TLS.

import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';

const [library, listen, certificate] = process.argv.slice(2);
const STATUS = { 401: 401, 413: 413, 302: 302, limit: 413 };
const LIMIT = 1 << 20;
const BODIES = Object.fromEntries(Object.keys(STATUS).map((name) => [name, fs.readFileSync(`${process.env.ANSWERS}/${name}`)]));
const tls = certificate && { cert: fs.readFileSync(`${certificate}.pem`), key: fs.readFileSync(`${certificate}.key`) };

const nameOf = (url) => url.slice(url.lastIndexOf('/') + 1);

function fields(name) {
  const all = { 'Content-Type': 'text/plain', 'Content-Length': BODIES[name].length };
  return name === '302' ? { ...all, Location: '/login' } : all;
}

// By hand: what a middleware that checks a token does.
function answer(response, name) {
  response.writeHead(STATUS[name], fields(name));
  response.end(BODIES[name]);
}

function plain(request, response) {
  const name = nameOf(request.url);
  if (name === 'limit') {
    let taken = 0;
    request.on('data', (piece) => {
      taken += piece.length;
      if (taken > LIMIT && !response.headersSent) answer(response, name);
    });
  } else if (name in STATUS) {
    answer(response, name);
  } else {
    response.end('ok\n');
  }
}

async function express() {
  const { default: make } = await import('express');
  const app = make();
  app.use((request, response, next) => {
    const name = nameOf(request.path);
    if (name === 'limit') next();
    else if (name in STATUS) response.status(STATUS[name]).set(fields(name)).send(BODIES[name]);
    else response.send('ok\n');
  });
  app.use(make.raw({ limit: LIMIT, type: () => true }));
  app.use((error, request, response, next) => {
    if (error.type !== 'entity.too.large') return next(error);
    response.status(error.status).set(fields('limit')).send(BODIES.limit);
  });
  return app;
}

async function fastify() {
  const { default: make } = await import('fastify');
  let listener;
  const serverFactory = (handler) => {
    listener = handler;
    return tls ? https.createServer(tls, handler) : http.createServer(handler);
  };
  const app = make({ bodyLimit: LIMIT, serverFactory });
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => done(null, body));
  app.addHook('onRequest', async (request, reply) => {
    const name = nameOf(request.url);
    if (name !== 'limit' && name in STATUS) return reply.code(STATUS[name]).headers(fields(name)).send(BODIES[name]);
  });
  app.setErrorHandler((error, request, reply) => {
    if (error.code !== 'FST_ERR_CTP_BODY_TOO_LARGE') throw error;
    reply.code(error.statusCode).headers(fields('limit')).send(BODIES.limit);
  });
  app.all('/*', async () => 'ok\n');
  await app.ready();
  return listener;
}

const listener = library === 'http' ? plain : library === 'express' ? await express() : await fastify();
const server = tls ? https.createServer(tls, listener) : http.createServer(listener);
const [, address, port] = listen.match(/^([\d.]+):(\d+)$/) ?? [];
server.listen(port ? { host: address, port: Number(port) } : listen);
