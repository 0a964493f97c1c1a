// Answers early, with net/http:
//
//	server NETWORK ADDRESS [CERTIFICATE]
//
// NETWORK is tcp or unix; with a certificate (its path without .pem and .key), over TLS.
package main

import (
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
)

const limit = 1 << 20

var statuses = map[string]int{"401": 401, "413": 413, "302": 302, "limit": 413}

func main() {
	bodies := map[string][]byte{}
	for name := range statuses {
		body, err := os.ReadFile(filepath.Join(os.Getenv("ANSWERS"), name))
		if err != nil {
			log.Fatal(err)
		}
		bodies[name] = body
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := path.Base(r.URL.Path)
		status, known := statuses[name]
		if name == "limit" {
			_, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, limit))
			known = err != nil
		}
		if !known {
			io.WriteString(w, "ok\n")
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		if name == "302" {
			w.Header().Set("Location", "/login")
		}
		w.WriteHeader(status)
		w.Write(bodies[name])
	})
	listener, err := net.Listen(os.Args[1], os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	if len(os.Args) > 3 {
		err = http.ServeTLS(listener, handler, os.Args[3]+".pem", os.Args[3]+".key")
	} else {
		err = http.Serve(listener, handler)
	}
	log.Fatal(err)
}
