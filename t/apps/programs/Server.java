import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.apache.catalina.Context;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;
import org.apache.tomcat.util.net.SSLHostConfig;
import org.apache.tomcat.util.net.SSLHostConfigCertificate;

/**
 * Answers early, with Tomcat: Server DIRECTORY LISTEN [CERTIFICATE]. LISTEN is ADDRESS:PORT or the path of a Unix socket; with a
 * certificate (its path without .pem and .key), over TLS.
 */
public class Server extends HttpServlet {
    private static final Map<String, Integer> STATUS = Map.of("401", 401, "413", 413, "302", 302, "limit", 413);
    private static final int LIMIT = 1 << 20;
    private final Map<String, byte[]> bodies = new HashMap<>();

    private Server() throws IOException {
        for (String name : STATUS.keySet()) {
            bodies.put(name, Files.readAllBytes(Path.of(System.getenv("ANSWERS"), name)));
        }
    }

    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
        String path = request.getRequestURI();
        String name = path.substring(path.lastIndexOf('/') + 1);
        response.setContentType("text/plain");
        if (!STATUS.containsKey(name)) {
            response.getOutputStream().print("ok\n");
            return;
        }
        if (name.equals("limit")) {
            request.getInputStream().readNBytes(LIMIT);
        }
        if (name.equals("302")) {
            response.setHeader("Location", "/login");
        }
        response.setStatus(STATUS.get(name));
        response.setContentLength(bodies.get(name).length);
        response.getOutputStream().write(bodies.get(name));
    }

    public static void main(String[] arguments) throws Exception {
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(arguments[0]);
        Connector connector = new Connector("org.apache.coyote.http11.Http11NioProtocol");
        if (arguments[1].startsWith("/")) {
            connector.setProperty("unixDomainSocketPath", arguments[1]);
            connector.setProperty("unixDomainSocketPathPermissions", "rw-rw-rw-");
        } else {
            String[] place = arguments[1].split(":");
            connector.setProperty("address", place[0]);
            connector.setPort(Integer.parseInt(place[1]));
        }
        if (arguments.length > 2) {
            SSLHostConfig host = new SSLHostConfig();
            SSLHostConfigCertificate certificate = new SSLHostConfigCertificate(host, SSLHostConfigCertificate.Type.EC);
            certificate.setCertificateFile(arguments[2] + ".pem");
            certificate.setCertificateKeyFile(arguments[2] + ".key");
            host.addCertificate(certificate);
            connector.addSslHostConfig(host);
            connector.setSecure(true);
            connector.setScheme("https");
            connector.setProperty("SSLEnabled", "true");
        }
        tomcat.setConnector(connector);
        Context context = tomcat.addContext("", null);
        Tomcat.addServlet(context, "answers", new Server());
        context.addServletMappingDecoded("/*", "answers");
        tomcat.start();
        tomcat.getServer().await();
    }
}
