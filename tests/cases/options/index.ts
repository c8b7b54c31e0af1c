// Every resource option of a component, given by a TypeScript program; __main__.py is the same in Python.

import * as docker from "@pulumi/docker";
import * as longshore from "@pulumi/longshore";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const [engine, image, proxy] = ["engine", "image", "proxy"].map((name) => config.require(name));
const moved = config.getBoolean("moved") ?? false;
const kept = config.getBoolean("kept") ?? true;

const host = new docker.Provider("engine", { host: engine });
const there = { provider: host };
const pulled = new docker.RemoteImage("image", { name: image, keepLocally: true }, there);
const network = new docker.Network("given", { driver: "bridge" }, there);
const team = new pulumi.ComponentResource("team:index:Team", "team");

function small(
    name: string,
    port: number,
    opts: pulumi.ComponentResourceOptions = {},
    more: Partial<longshore.LoadBalancedServiceArgs> = {},
) {
    const frontEnd = { image: proxy, port };
    const args = { host: { address: engine }, image, replicas: 1, drain: 1, frontEnd, ...more };
    return new longshore.LoadBalancedService(name, args, opts);
}

const labelled: pulumi.ResourceTransform = ({ type, props, opts }) =>
    type === "docker:index/container:Container"
        ? { props: { ...props, labels: [...props.labels, { label: "team", value: "web" }] }, opts }
        : undefined;

small("values", 8101, {}, {
    image: pulled.imageId,
    network: { name: network.name },
    environment: { TOKEN: config.requireSecret("token"), NETWORK: network.id, COLOUR: "blue" },
});
small("kept", 8102, { protect: kept, retainOnDelete: kept });
small("moved", 8103, moved ? { parent: team, aliases: [{ parent: pulumi.rootStackResource }] } : {});
small("labelled", 8104, { transforms: [labelled] });
small("ignoring", 8105, { ignoreChanges: ["replicas", "drain"] });
small("provided", 8106, { providers: [new longshore.Provider("ours"), host] });
const after = small("after", 8107, { dependsOn: [network] });
new docker.Container("follower", { image: pulled.imageId, networkMode: "bridge" }, { ...there, dependsOn: [after] });
