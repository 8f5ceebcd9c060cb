# A root file system of Debian with Java, and Zipkin in it.
FROM scratch
LABEL otelbar.built="from the program"
ADD root.tar /
COPY zipkin.jar /zipkin.jar
EXPOSE 9411
ENTRYPOINT ["/usr/bin/java", "-Xmx256m", "-jar", "/zipkin.jar"]
