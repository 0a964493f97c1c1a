import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.security.cert.X509Certificate;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;

/** Sends so many bytes, then reads the answer to its end: Session PORT plain|tls BYTES TRIES */
public class Session {
    static Socket connect(int port, String kind) throws Exception {
        if (!kind.equals("tls")) {
            return new Socket("127.0.0.1", port);
        }
        TrustManager trusting = new X509TrustManager() {
            public void checkClientTrusted(X509Certificate[] chain, String type) { }
            public void checkServerTrusted(X509Certificate[] chain, String type) { }
            public X509Certificate[] getAcceptedIssuers() { return new X509Certificate[0]; }
        };
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, new TrustManager[] { trusting }, null);
        return context.getSocketFactory().createSocket("127.0.0.1", port);
    }

    static String session(int port, String kind, long bytes) {
        try (Socket socket = connect(port, kind)) {
            OutputStream out = socket.getOutputStream();
            byte[] piece = new byte[1 << 16];
            for (long left = bytes; left > 0; left -= piece.length) {
                out.write(piece, 0, (int) Math.min(left, piece.length));
            }
            out.flush();
            InputStream in = socket.getInputStream();
            return "answer " + new String(in.readAllBytes()).trim();
        } catch (Exception error) {
            return "error " + error.getMessage();
        }
    }

    public static void main(String[] arguments) {
        for (int i = 0; i < Integer.parseInt(arguments[3]); i++) {
            System.out.println(session(Integer.parseInt(arguments[0]), arguments[1], Long.parseLong(arguments[2])));
        }
    }
}
