// Uploads with Qt's QNetworkAccessManager: upload h1|h2|h2c; see uploads.py for what it reads and prints.

#include <QCoreApplication>
#include <QIODevice>
#include <QJsonDocument>
#include <QJsonObject>
#include <QMetaEnum>
#include <QNetworkAccessManager>
#include <QNetworkReply>
#include <QTimer>

#include <algorithm>
#include <cstring>
#include <iostream>
#include <string>

// A body that is made while it is sent; its pause in the middle is a time in which there is nothing to read.
class Zeros : public QIODevice {
public:
    Zeros(qint64 length, double pause) : left(length), kept(pause > 0 ? length / 2 : 0), pause(pause) {
        open(ReadOnly | Unbuffered);
    }

    bool isSequential() const override { return true; }
    bool atEnd() const override { return left == 0; }
    qint64 bytesAvailable() const override { return left - kept; }

protected:
    qint64 readData(char *data, qint64 size) override {
        if (left == 0) return -1;
        if (left == kept) {
            QTimer::singleShot(int(pause * 1000), this, [this] {
                kept = 0;
                emit readyRead();
            });
            return 0;
        }
        size = std::min(size, left - kept);
        std::memset(data, 0, size_t(size));
        left -= size;
        return size;
    }

    qint64 writeData(const char *, qint64) override { return -1; }

private:
    qint64 left, kept;
    double pause;
};

static QJsonObject upload(const QString &version, const QString &url, qint64 length, double pause, double timeout) {
    Zeros body(length, pause);
    QNetworkAccessManager manager;
    QNetworkRequest request{QUrl(url)};
    // Without a length Qt would read all of the body first, and then declare what it has read.
    request.setHeader(QNetworkRequest::ContentLengthHeader, length);
    request.setAttribute(QNetworkRequest::DoNotBufferUploadDataAttribute, true);
    request.setAttribute(QNetworkRequest::Http2AllowedAttribute, version == "h2");
    request.setAttribute(QNetworkRequest::Http2DirectAttribute, version == "h2c");
    request.setTransferTimeout(int(timeout * 1000));
    QNetworkReply *reply = manager.post(request, &body);
    reply->ignoreSslErrors();
    QObject::connect(reply, &QNetworkReply::finished, QCoreApplication::instance(), &QCoreApplication::quit);
    QCoreApplication::exec();
    // What it calls 413: an error like others.
    if (reply->error() != QNetworkReply::NoError && reply->error() != QNetworkReply::UnknownContentError) {
        const char *name = QMetaEnum::fromType<QNetworkReply::NetworkError>().valueToKey(reply->error());
        return {{"error", QString("%1: %2").arg(name, reply->errorString())}};
    }
    return {{"status", reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt()},
            {"body", QString::fromUtf8(reply->readAll())}};
}

static void print(const QJsonObject &answer) {
    std::cout << QJsonDocument(answer).toJson(QJsonDocument::Compact).toStdString() << std::endl;
}

int main(int argc, char **argv) {
    QCoreApplication application(argc, argv);
    print({{"version", qVersion()}});
    std::string url, mode;
    qint64 length;
    double pause, timeout;
    while (std::cin >> url >> length >> mode >> pause >> timeout) {
        print(upload(argv[1], QString::fromStdString(url), length, pause, timeout));
    }
}
