// Uploads with Java: Upload HttpClient|HttpURLConnection HTTP_1_1|HTTP_2; see uploads.py for what it reads and prints.

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;

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

    // A body that is made while it is sent, and may pause in the middle.
    static class Zeros extends InputStream {
        final long length;
        long left;
        double pause;

        Zeros(long length, double pause) {
            this.length = left = length;
            this.pause = pause;
        }

        public int read() {
            byte[] one = new byte[1];
            return read(one, 0, 1) == 1 ? 0 : -1;
        }

        public int read(byte[] buffer, int start, int size) {
            if (left == 0) return -1;
            if (pause > 0 && left <= length / 2) {
                try {
                    Thread.sleep((long) (pause * 1000));
                } catch (InterruptedException error) {
                    return -1;
                }
                pause = 0;
            }
            int read = (int) Math.min(left, size);
            left -= read;
            return read;
        }
    }

    static String quoted(String text) {
        StringBuilder json = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c < ' ' || c == '"' || c == '\\') json.append(String.format("\\u%04x", (int) c));
            else json.append(c);
        }
        return json.append('"').toString();
    }

    static String answer(int status, String body) {
        return "{\"status\": " + status + ", \"body\": " + quoted(body) + "}";
    }

    static String client(HttpClient.Version version, SSLContext context, String url, long length, boolean declared,
            double pause, double timeout) throws Exception {
        HttpRequest.BodyPublisher zeros = HttpRequest.BodyPublishers.ofInputStream(() -> new Zeros(length, pause));
        HttpRequest.BodyPublisher body = declared ? HttpRequest.BodyPublishers.fromPublisher(zeros, length) : zeros;
        HttpClient client = HttpClient.newBuilder().version(version).sslContext(context).build();
        HttpRequest request =
            HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofSeconds((long) timeout)).POST(body).build();
        HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
        return answer(answer.statusCode(), answer.body());
    }

    static String connection(SSLContext context, String url, long length, boolean declared, double pause, double timeout)
            throws Exception {
        HttpURLConnection connection = (HttpURLConnection) URI.create(url).toURL().openConnection();
        if (connection instanceof HttpsURLConnection) {
            ((HttpsURLConnection) connection).setSSLSocketFactory(context.getSocketFactory());
            ((HttpsURLConnection) connection).setHostnameVerifier((name, session) -> true);
        }
        connection.setReadTimeout((int) (timeout * 1000));
        connection.setRequestMethod("POST");
        connection.setDoOutput(true);
        if (declared) connection.setFixedLengthStreamingMode(length);
        else connection.setChunkedStreamingMode(65536);
        try (OutputStream out = connection.getOutputStream()) {
            new Zeros(length, pause).transferTo(out);
        }
        int status = connection.getResponseCode();
        try (InputStream in = status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
            return answer(status, in == null ? "" : new String(in.readAllBytes()));
        } finally {
            connection.disconnect();
        }
    }

    public static void main(String[] args) throws Exception {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, new TrustManager[] { new TrustAll() }, null);
        System.out.println("{\"version\": " + quoted(System.getProperty("java.version")) + "}");
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = lines.readLine()) != null;) {
            String[] words = line.split(" ");
            long length = Long.parseLong(words[1]);
            boolean declared = words[2].equals("declared");
            double pause = Double.parseDouble(words[3]), timeout = Double.parseDouble(words[4]);
            try {
                System.out.println(args[0].equals("HttpClient")
                    ? client(HttpClient.Version.valueOf(args[1]), context, words[0], length, declared, pause, timeout)
                    : connection(context, words[0], length, declared, pause, timeout));
            } catch (Exception error) {
                System.out.println("{\"error\": " + quoted(error.toString()) + "}");
            }
        }
        System.exit(0);
    }
}
