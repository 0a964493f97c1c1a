// A call with a large message, as a client of grpc-go makes it: grpc-call ADDRESS CERTIFICATE BYTES; without arguments, its
// version.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// The message is its bytes.
type raw struct{}

func (raw) Marshal(message interface{}) ([]byte, error) {
	return *message.(*[]byte), nil
}

func (raw) Unmarshal(bytes []byte, message interface{}) error {
	*message.(*[]byte) = bytes
	return nil
}

func (raw) Name() string {
	return "proto"
}

func fail(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func main() {
	if len(os.Args) == 1 {
		fmt.Println(grpc.Version)
		return
	}
	secure, err := credentials.NewClientTLSFromFile(os.Args[2], "")
	fail(err)
	length, err := strconv.Atoi(os.Args[3])
	fail(err)
	connection, err := grpc.Dial(os.Args[1], grpc.WithTransportCredentials(secure))
	fail(err)
	message, answer := make([]byte, length), []byte(nil)
	fail(connection.Invoke(context.Background(), "/example.Files/Store", &message, &answer, grpc.ForceCodec(raw{})))
}
