// Uploads with Java's HttpClient over HTTP/2: Upload.java URL SIZE declared|undeclared
// Prints status and body of the answer, or the error.

import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Properties;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;
import javax.net.ssl.SSLEngine;
import java.net.Socket;

public class Upload {
    static class TrustAll extends X509ExtendedTrustManager {
        public void checkClientTrusted(X509Certificate[] chain, String type) {}
        public void checkServerTrusted(X509Certificate[] chain, String type) {}
        public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) {}
        public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) {}
        public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}
        public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}
        public X509Certificate[] getAcceptedIssuers() { return new X509Certificate[0]; }
    }

    static class Zeros extends InputStream {
        long left;
        Zeros(long length) { left = length; }
        public int read() { return left-- > 0 ? 0 : -1; }
        public int read(byte[] buffer, int start, int length) {
            if (left <= 0) return -1;
            int read = (int) Math.min(left, length);
            left -= read;
            return read;
        }
    }

    public static void main(String[] args) throws Exception {
        long length = Long.parseLong(args[1]);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, new TrustManager[] { new TrustAll() }, null);
        HttpRequest.BodyPublisher zeros = HttpRequest.BodyPublishers.ofInputStream(() -> new Zeros(length));
        HttpRequest.BodyPublisher body =
            args[2].equals("declared") ? HttpRequest.BodyPublishers.fromPublisher(zeros, length) : zeros;
        HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_2).sslContext(context).build();
        HttpRequest request =
            HttpRequest.newBuilder(URI.create(args[0])).timeout(Duration.ofSeconds(30)).POST(body).build();
        try {
            HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
            System.out.println(answer.statusCode() + " " + answer.body().strip());
        } catch (Exception error) {
            System.out.println(error);
        }
        System.exit(0);
    }
}
