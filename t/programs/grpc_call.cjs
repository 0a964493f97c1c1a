// A call with a large message, as a client of grpc-js makes it: grpc_call.cjs ADDRESS CERTIFICATE BYTES

const fs = require("fs");
const grpc = require(`${process.env.NODE_PATH}/@grpc/grpc-js`);

const [address, certificate, length] = process.argv.slice(2);
const client = new grpc.Client(address, grpc.credentials.createSsl(fs.readFileSync(certificate)));
const same = (message) => message;
client.makeUnaryRequest("/example.Files/Store", same, same, Buffer.alloc(Number(length)), (error) => {
    console.log(String(error));
    process.exit(error ? 1 : 0);
});
