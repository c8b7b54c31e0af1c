// A shop and a blog behind one front end, each in replicas of its own; the shop has a token that stays secret.

import * as docker from "@pulumi/docker";
import * as longshore from "@pulumi/longshore";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const engine = config.get("engine") ?? "unix:///var/run/docker.sock";

// What the image's name stands for on the host: when that is another image, other replicas come.
const host = new docker.Provider("engine", { host: engine });
const image = new docker.RemoteImage(
    "image",
    { name: config.get("image") ?? "httpd:2.4", keepLocally: true },
    { provider: host },
);

const site = new longshore.LoadBalancedService("site", {
    host: { address: engine },
    frontEnd: {
        image: config.get("proxy") ?? "haproxy:3.2",
        port: config.getNumber("port") ?? 8080,
        unknownHost: "421",
        timeouts: { keepAlive: 7.5 },
    },
    backends: {
        shop: {
            image: image.imageId,
            replicas: 3,
            hostNames: ["shop.example", "*.shop.example"],
            algorithm: "leastconn",
            weights: [2, 1, 1],
            backupReplicas: 1,
            environment: { TOKEN: config.requireSecret("token"), IMAGE: image.imageId },
            health: { path: "/healthz", interval: 0.5, fall: 3 },
            restart: { policy: "on-failure", maxRetries: 5 },
            drain: 2.5,
            readOnly: true,
        },
        blog: { image: image.imageId, replicas: 2, hostNames: ["blog.example"] },
    },
});

export const url = site.url;
export const replicas = site.replicaNames;
