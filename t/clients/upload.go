// Uploads with Go's net/http: upload h1|h2; see uploads.py for what it reads and prints.
package main

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"
)

type answer struct {
	Version string `json:"version,omitempty"`
	Status  int    `json:"status,omitempty"`
	Body    string `json:"body,omitempty"`
	Error   string `json:"error,omitempty"`
}

// zeros is a body that is made while it is sent, and may pause in the middle.
type zeros struct {
	length, left int64
	pause        float64
}

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	if z.pause > 0 && z.left <= z.length/2 {
		time.Sleep(time.Duration(z.pause * float64(time.Second)))
		z.pause = 0
	}
	if int64(len(p)) > z.left {
		p = p[:z.left]
	}
	for i := range p {
		p[i] = 0
	}
	z.left -= int64(len(p))
	return len(p), nil
}

func upload(url string, length int64, declared bool, pause, timeout float64) (result answer) {
	request, err := http.NewRequest("POST", url, io.NopCloser(&zeros{length, length, pause}))
	if err != nil {
		return answer{Error: err.Error()}
	}
	if declared {
		request.ContentLength = length
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	if os.Args[1] == "h1" {
		transport.ForceAttemptHTTP2 = false
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	defer transport.CloseIdleConnections()
	client := http.Client{Timeout: time.Duration(timeout * float64(time.Second)), Transport: transport}
	response, err := client.Do(request)
	if err != nil {
		return answer{Error: err.Error()}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Status: response.StatusCode, Body: string(body)}
}

func main() {
	print := func(a answer) {
		line, _ := json.Marshal(a)
		fmt.Println(string(line))
	}
	print(answer{Version: strings.TrimPrefix(runtime.Version(), "go")})
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var url, mode string
		var length int64
		var pause, timeout float64
		fmt.Sscan(lines.Text(), &url, &length, &mode, &pause, &timeout)
		print(upload(url, length, mode == "declared", pause, timeout))
	}
}
