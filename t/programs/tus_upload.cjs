// An upload by tus-js-client in parts of 8 MiB: tus_upload.cjs URL FILE

const fs = require("fs");
const tus = require(`${process.env.NODE_PATH}/tus-js-client`);

const [endpoint, file] = process.argv.slice(2);
const upload = new tus.Upload(fs.createReadStream(file), {
    endpoint,
    chunkSize: 8 << 20,
    uploadSize: fs.statSync(file).size,
    onError(error) {
        console.log(String(error));
        process.exit(1);
    },
    onSuccess() {
        process.exit(0);
    },
});
upload.start();
