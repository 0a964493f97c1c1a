// Uploads with Java: Upload HttpClient|HttpURLConnection|OkHttp h1|h2|h2c; see uploads.py for what it reads and prints.

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
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Protocol;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import okio.BufferedSink;
import okio.Okio;

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

    static String client(String version, SSLContext context, String url, long length, boolean declared,
            double pause, double timeout) throws Exception {
        HttpRequest.BodyPublisher zeros = HttpRequest.BodyPublishers.ofInputStream(() -> new Zeros(length, pause));
        HttpRequest.BodyPublisher body = declared ? HttpRequest.BodyPublishers.fromPublisher(zeros, length) : zeros;
        HttpClient client = HttpClient.newBuilder().sslContext(context)
            .version(version.equals("h1") ? HttpClient.Version.HTTP_1_1 : HttpClient.Version.HTTP_2).build();
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

    static String okHttp(String version, SSLContext context, String url, long length, boolean declared, double pause,
            double timeout) throws Exception {
        List<Protocol> protocols = version.equals("h2c") ? Collections.singletonList(Protocol.H2_PRIOR_KNOWLEDGE)
            : version.equals("h2") ? Arrays.asList(Protocol.HTTP_2, Protocol.HTTP_1_1)
            : Collections.singletonList(Protocol.HTTP_1_1);
        long millis = (long) (timeout * 1000);
        OkHttpClient client = new OkHttpClient.Builder().protocols(protocols)
            .sslSocketFactory(context.getSocketFactory(), new TrustAll()).hostnameVerifier((name, session) -> true)
            .readTimeout(millis, TimeUnit.MILLISECONDS).writeTimeout(millis, TimeUnit.MILLISECONDS)
            .callTimeout(millis, TimeUnit.MILLISECONDS).build();
        RequestBody body = new RequestBody() {
            public MediaType contentType() { return null; }
            public long contentLength() { return declared ? length : -1; }
            public void writeTo(BufferedSink sink) throws IOException {
                sink.writeAll(Okio.source(new Zeros(length, pause)));
            }
        };
        try (Response answer = client.newCall(new Request.Builder().url(url).post(body).build()).execute()) {
            return answer(answer.code(), answer.body().string());
        } finally {
            client.connectionPool().evictAll();
        }
    }

    static String upload(String library, String version, SSLContext context, String url, long length, boolean declared,
            double pause, double timeout) throws Exception {
        switch (library) {
            case "HttpClient": return client(version, context, url, length, declared, pause, timeout);
            case "HttpURLConnection": return connection(context, url, length, declared, pause, timeout);
            default: return okHttp(version, context, url, length, declared, pause, timeout);
        }
    }

    static String version(String library) {
        return library.equals("OkHttp") ? okhttp3.internal.Version.userAgent().replace("okhttp/", "")
            : System.getProperty("java.version");
    }

    public static void main(String[] args) throws Exception {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, new TrustManager[] { new TrustAll() }, null);
        System.out.println("{\"version\": " + quoted(version(args[0])) + "}");
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = lines.readLine()) != null;) {
            String[] words = line.split(" ");
            long length = Long.parseLong(words[1]);
            boolean declared = words[2].equals("declared");
            double pause = Double.parseDouble(words[3]), timeout = Double.parseDouble(words[4]);
            try {
                System.out.println(upload(args[0], args[1], context, words[0], length, declared, pause, timeout));
            } catch (Exception error) {
                System.out.println("{\"error\": " + quoted(error.toString()) + "}");
            }
        }
        System.exit(0);
    }
}
