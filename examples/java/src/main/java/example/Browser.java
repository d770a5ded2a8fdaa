package example;

import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Stands in for the shopper and the browser: nothing of this belongs into a shop. */
final class Browser {
    private static final Pattern ACTION = Pattern.compile("<form [^>]*action=\"([^\"]*)\"");
    private static final Pattern HIDDEN = Pattern.compile("<input type=\"hidden\" name=\"([^\"]*)\" value=\"([^\"]*)\">");
    private static final Pattern REFERENCE = Pattern.compile("&#(\\d+);");

    private final HttpClient http = HttpClient.newHttpClient(); // follows no redirect
    private final String userAgent;

    Browser(String userAgent) {
        this.userAgent = userAgent;
    }

    /** Opens the bank's page with the shop's form, answers it with the code, and says where that has led in the end. */
    URI challenge(String bank, Map<String, String> form, String code) throws IOException, InterruptedException {
        URI address = URI.create(bank + "/acs/challenge");
        String question = post(address, form).body();
        Map<String, String> answer = hidden(question);
        answer.put("code", code);
        String thanks = post(address.resolve(action(question)), answer).body(); // a form that posts itself to termUrl
        HttpResponse<String> back = post(URI.create(action(thanks)), hidden(thanks)); // to sessiond

        if (back.statusCode() != 303) {
            throw new IOException("the return URL answered " + back.statusCode() + ": " + back.body());
        }
        return URI.create(back.headers().firstValue("location").orElseThrow());
    }

    private HttpResponse<String> post(URI address, Map<String, String> form) throws IOException, InterruptedException {
        String body = form.entrySet().stream()
                .map(field -> encode(field.getKey()) + "=" + encode(field.getValue()))
                .collect(Collectors.joining("&"));
        HttpRequest request = HttpRequest.newBuilder(address)
                .timeout(Duration.ofSeconds(30))
                .header("content-type", "application/x-www-form-urlencoded")
                .header("user-agent", userAgent)
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();

        return http.send(request, HttpResponse.BodyHandlers.ofString());
    }

    private static String action(String page) throws IOException {
        Matcher form = ACTION.matcher(page);

        if (!form.find()) {
            throw new IOException("a page without a form: " + page);
        }
        return text(form.group(1));
    }

    private static Map<String, String> hidden(String page) {
        Map<String, String> fields = new LinkedHashMap<>();
        Matcher field = HIDDEN.matcher(page);

        while (field.find()) {
            fields.put(text(field.group(1)), text(field.group(2)));
        }
        return fields;
    }

    /** HTML's character references, of which these pages use the decimal ones. */
    private static String text(String html) {
        return REFERENCE.matcher(html).replaceAll(hit -> Matcher.quoteReplacement(Character.toString(Integer.parseInt(hit.group(1)))));
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }
}
