// Sends so many bytes, then reads the answer to its end: session PORT plain|tls BYTES TRIES
package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
)

func session(address, kind string, size int) (string, error) {
	var c net.Conn
	var err error
	if kind == "tls" {
		c, err = tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	} else {
		c, err = net.Dial("tcp", address)
	}
	if err != nil {
		return "", err
	}
	defer c.Close()
	for piece := make([]byte, 1<<16); size > 0; size -= len(piece) {
		if size < len(piece) {
			piece = piece[:size]
		}
		if _, err = c.Write(piece); err != nil {
			return "", err
		}
	}
	answer, err := io.ReadAll(c)
	return string(answer), err
}

func main() {
	size, _ := strconv.Atoi(os.Args[3])
	tries, _ := strconv.Atoi(os.Args[4])
	for ; tries > 0; tries-- {
		answer, err := session("127.0.0.1:"+os.Args[1], os.Args[2], size)
		if err != nil {
			fmt.Println("error", err)
		} else {
			fmt.Println("answer", strings.TrimSpace(answer))
		}
	}
}
