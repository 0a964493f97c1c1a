// Sends so many bytes, and reads the answer to its end: session.mjs PORT plain|tls BYTES TRIES
import net from "node:net";
import tls from "node:tls";

const [port, kind, bytes, tries] = process.argv.slice(2);

function session() {
    return new Promise((resolve) => {
        const options = { host: "127.0.0.1", port: Number(port), rejectUnauthorized: false, allowHalfOpen: true };
        const connection = kind === "tls" ? tls.connect(options) : net.connect(options);
        let answer = "", left = Number(bytes);
        const piece = Buffer.alloc(65536);
        function send() {
            while (left > 0) {
                const size = Math.min(left, piece.length);
                left -= size;
                if (!connection.write(piece.subarray(0, size))) {
                    connection.once("drain", send);
                    return;
                }
            }
        }
        connection.on(kind === "tls" ? "secureConnect" : "connect", send);
        connection.on("data", (data) => { answer += data; });
        connection.on("end", () => connection.end());
        connection.on("error", (error) => resolve(`error ${error.code}`));
        connection.on("close", () => resolve(`answer ${answer.trim()}`));
    });
}

for (let i = 0; i < Number(tries); i++) {
    console.log(await session());
}
