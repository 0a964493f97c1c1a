// Uploads with Go's net/http over HTTP/2: upload URL SIZE declared|undeclared
// Prints status and body of the answer, or the error.
package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 0
	}
	return len(p), nil
}

func main() {
	length, _ := strconv.ParseInt(os.Args[2], 10, 64)
	request, err := http.NewRequest("POST", os.Args[1], io.LimitReader(zeros{}, length))
	if err != nil {
		fmt.Println(err)
		return
	}
	if os.Args[3] == "declared" {
		request.ContentLength = length
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	client := http.Client{Timeout: 30 * time.Second, Transport: transport}
	answer, err := client.Do(request)
	if err != nil {
		fmt.Println(err)
		return
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		fmt.Println(answer.StatusCode, err)
		return
	}
	fmt.Println(answer.StatusCode, strings.TrimSpace(string(body)))
}
